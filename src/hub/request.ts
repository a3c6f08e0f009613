/** Requests to the hub: tries again what may pass, and puts what will not into words. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, TuttiError } from "../support/errors.ts";
import type { HubSettings } from "./settings.ts";

export interface HubRequest {
  /** Path and query behind the endpoint. */
  readonly path: string;
  /** What is asked for, in words, for errors. */
  readonly subject: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

const LONGEST_WAIT_SECONDS = 120;
const USER_AGENT = "tutti";

/** Failures that are over when one comes back later. */
const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/**
 * The answer to a GET, once its head is there. Redirects are followed; fetch drops the token when they leave the
 * endpoint's host.
 *
 * @throws {TuttiError} HUB_UNREACHABLE after all tries, HUB_REFUSED (401, 403), HUB_NOT_FOUND (404),
 *   HUB_FAILED (another status), INTERRUPTED
 */
export async function request(settings: HubSettings, options: HubRequest): Promise<Response> {
  const { subject, signal } = options;
  for (let tried = 0; ; tried++) {
    const answer = await attempt(settings, options);
    if (answer instanceof Response && answer.ok) return answer;
    const canTryAgain = !(answer instanceof Response) || isPassing(answer.status);
    if (!canTryAgain || tried >= settings.retries) throw failure(settings, subject, answer, tried + 1);
    if (answer instanceof Response) await answer.body?.cancel();
    await wait(retrySeconds(settings, tried, answer), signal);
  }
}

/** The response, or the error of a connection that failed. */
async function attempt(settings: HubSettings, options: HubRequest): Promise<Response | Error> {
  const stalled = AbortSignal.timeout(settings.stallSeconds * 1000);
  const head = new AbortController();
  const giveUp = (): void => head.abort(new Error(`no answer within ${settings.stallSeconds} s`));
  stalled.addEventListener("abort", giveUp, { once: true });
  const signal = options.signal ? AbortSignal.any([head.signal, options.signal]) : head.signal;
  try {
    return await fetch(settings.endpoint + options.path, {
      headers: {
        "user-agent": USER_AGENT,
        ...options.headers,
        ...(settings.token !== undefined && { authorization: `Bearer ${settings.token}` }),
      },
      signal,
    });
  } catch (error) {
    checkNotInterrupted(options.signal);
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    stalled.removeEventListener("abort", giveUp);
  }
}

/** What the server asks for, or twice as long as the last time, give or take a quarter. */
export function retrySeconds(settings: HubSettings, tried: number, answer: Response | Error): number {
  const asked = answer instanceof Response ? retryAfterSeconds(answer.headers.get("retry-after")) : undefined;
  const own = settings.firstRetrySeconds * 2 ** tried * (0.75 + Math.random() / 2);
  return Math.min(LONGEST_WAIT_SECONDS, Math.max(own, asked ?? 0));
}

function retryAfterSeconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : (date - Date.now()) / 1000;
}

/** @throws {TuttiError} INTERRUPTED */
export async function wait(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(seconds * 1000, undefined, signal && { signal }).catch(() => checkNotInterrupted(signal));
}

/** @throws {TuttiError} INTERRUPTED */
export function checkNotInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new TuttiError("INTERRUPTED", "stopped; what was downloaded is kept", {
      hint: "run the same command again to go on",
    });
  }
}

function failure(
  { endpoint, token }: HubSettings,
  subject: string,
  answer: Response | Error,
  tries: number,
): TuttiError {
  const { host } = new URL(endpoint);
  if (!(answer instanceof Response)) {
    const cause = answer.cause instanceof Error ? answer.cause : answer;
    return new TuttiError("HUB_UNREACHABLE", `${host} did not answer (${tries} tries): ${messageOf(cause)}`, {
      details: { host, subject },
      hint: "check the network; set HF_ENDPOINT to a mirror, or HF_HUB_OFFLINE=1 to use the cache alone",
    });
  }
  const { status } = answer;
  const details = { host, subject, status };
  if (status === 401 || status === 403) {
    return new TuttiError("HUB_REFUSED", `${host} refuses ${subject} (${status})`, {
      details,
      hint:
        token === undefined
          ? "it is private, gated or does not exist: set HF_TOKEN to a token of an account that may read it"
          : "the token in HF_TOKEN may not read it: accept the model's terms on its page, or use another token",
    });
  }
  if (status === 404) {
    return new TuttiError("HUB_NOT_FOUND", `${host} has no ${subject}`, {
      details,
      hint: "check organisation, name and revision on the hub's page",
    });
  }
  return new TuttiError("HUB_FAILED", `${host} answered ${status} for ${subject} (${tries} tries)`, {
    details,
    hint: isPassing(status) ? "try again later" : "check HF_ENDPOINT",
  });
}
