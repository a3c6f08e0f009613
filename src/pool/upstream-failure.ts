/** Typed errors for everything a provider can answer wrongly, without ever repeating its key. */
import { type ErrorCode, TuttiError } from "../support/errors.ts";
import { isJsonObject } from "../support/json.ts";
import { type HttpAnswer, readText } from "./http-exchange.ts";

/** The provider's side of a call, as far as messages need it. */
export interface Peer {
  readonly model: string;
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly apiKeyEnv: string | undefined;
}

const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024;
const LONGEST_REFUSAL_BYTES = 64 * 1024;
const LONGEST_QUOTE_CHARACTERS = 300;

/** The whole body as text; UPSTREAM_FAILED beyond 64 MiB. */
export async function readAnswerText(peer: Peer, answer: HttpAnswer): Promise<string> {
  const { text, isComplete } = await readText(answer.body, LONGEST_ANSWER_BYTES);
  if (!isComplete) throw unreadable(peer, `the answer is longer than ${LONGEST_ANSWER_BYTES} bytes`);
  return text;
}

/** The error for an HTTP status other than 2xx. */
export async function refusal(peer: Peer, answer: HttpAnswer): Promise<TuttiError> {
  const { status } = answer;
  const body = (await readText(answer.body, LONGEST_REFUSAL_BYTES)).text;
  const error = errorIn(body);
  const said = status === 401 || status === 403 ? "" : quote(peer, messageOfErrorObject(error));
  const retryAfterSeconds = retryAfterOf(answer);
  const isQuota = status === 429 && isExhaustedQuota(error);
  const { code, hint } = isQuota ? EXHAUSTED : classify(peer, status);
  return new TuttiError(
    code,
    `model "${peer.model}": the provider answered HTTP ${status}${said === "" ? "" : `: ${said}`}`,
    {
      details: {
        model: peer.model,
        upstreamStatus: status,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        ...(isQuota && { isRetryable: false }),
      },
      hint,
    },
  );
}

/** Waiting does not help against an account without means. */
const EXHAUSTED = {
  code: "UPSTREAM_FAILED",
  hint: "the provider's account has used up its quota: add means there",
} as const;

function isExhaustedQuota(error: unknown): boolean {
  return isJsonObject(error) && [error.code, error.type].includes("insufficient_quota");
}

/** Seconds that the provider wants to be left alone, from `retry-after-ms` or `Retry-After` (RFC 9110, 10.2.3). */
function retryAfterOf(answer: HttpAnswer): number | undefined {
  const milliseconds = answer.header("retry-after-ms");
  if (milliseconds !== undefined && /^\d{1,9}(\.\d+)?$/.test(milliseconds))
    return Number(milliseconds) / 1000;
  const text = answer.header("retry-after");
  if (text === undefined) return undefined;
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}

function classify(peer: Peer, status: number): { code: ErrorCode; hint: string } {
  if (status === 401 || status === 403) {
    const where =
      peer.apiKeyEnv === undefined
        ? "set apiKeyEnv in the pool file"
        : `check the value of ${peer.apiKeyEnv}`;
    return { code: "UPSTREAM_FAILED", hint: `the provider refused the credentials: ${where}` };
  }
  if (status === 429) return { code: "UPSTREAM_RATE_LIMITED", hint: "wait, then send the request again" };
  if (status === 400 || status === 413 || status === 422) {
    return {
      code: "UPSTREAM_REJECTED",
      hint: "the provider found the request wrong: change it as its message says",
    };
  }
  if (status === 404) {
    return { code: "UPSTREAM_FAILED", hint: "check baseUrl and upstreamModel of the model in the pool file" };
  }
  if (status === 408 || status === 504)
    return { code: "UPSTREAM_TIMEOUT", hint: "send the request again later" };
  return { code: "UPSTREAM_FAILED", hint: "check the provider's server" };
}

/** The error for an answer that cannot be understood, optionally with what the provider said about it. */
export function unreadable(peer: Peer, problem: string, said?: unknown, cause?: unknown): TuttiError {
  const quoted = said === undefined ? "" : quote(peer, messageOfErrorObject(said));
  return new TuttiError(
    "UPSTREAM_FAILED",
    `model "${peer.model}": ${problem}${quoted === "" ? "" : `: ${quoted}`}`,
    {
      cause,
      details: { model: peer.model },
      hint: "check that baseUrl points at an OpenAI-compatible server",
    },
  );
}

/** What the provider says of the error, from any of the usual shapes; some wrap the object in a list. */
function errorIn(body: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Not JSON, often an HTML page: nothing worth repeating.
    return undefined;
  }
  const [object] = Array.isArray(value) ? value : [value];
  if (!isJsonObject(object)) return undefined;
  // TGI's `error` is a sentence beside an `error_type`; vLLM's older errors have the message at the top.
  return object.error ?? object.message ?? object.detail;
}

function messageOfErrorObject(value: unknown): string {
  if (typeof value === "string") return value;
  return isJsonObject(value) && typeof value.message === "string" ? value.message : "";
}

function quote(peer: Peer, text: string): string {
  const redacted =
    peer.apiKey === undefined || peer.apiKey === "" ? text : text.replaceAll(peer.apiKey, "[redacted]");
  return redacted.length <= LONGEST_QUOTE_CHARACTERS
    ? redacted
    : `${redacted.slice(0, LONGEST_QUOTE_CHARACTERS)}...`;
}
