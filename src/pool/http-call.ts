/** One call to a provider over HTTP: sending, reading answers and streams, and failures as typed errors. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { isJsonObject } from "../support/json.ts";
import { Deadline } from "./deadline.ts";
import { readEventStream } from "./event-stream.ts";
import { exchange, type HttpAnswer } from "./http-exchange.ts";
import { type Peer, readAnswerText, refusal, unreadable } from "./upstream-failure.ts";

/** A body that is no JSON. */
export interface RawBody {
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface HttpCall {
  readonly peer: Peer;
  /** Sent by POST; without one it is a GET. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** In place of the body. */
  readonly rawBody?: RawBody | undefined;
  /** A request that must not arrive twice, because each costs. */
  readonly isSentOnce?: boolean | undefined;
  /** Beside the content type: credentials, versions. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Longest wait for a complete answer, or in a stream for its next part. */
  readonly timeoutMs: number;
}

async function send(call: HttpCall, accept: string, deadline: Deadline): Promise<HttpAnswer> {
  const { peer, rawBody } = call;
  const body = rawBody?.bytes ?? (call.body && JSON.stringify(call.body));
  const answer = await exchange({
    method: body === undefined ? "GET" : "POST",
    url: peer.url,
    headers: {
      ...(body !== undefined && { "content-type": rawBody?.type ?? "application/json" }),
      accept,
      ...call.headers,
    },
    body,
    isSentOnce: call.isSentOnce,
    signal: deadline.signal,
  });
  if (answer.status < 200 || answer.status > 299) throw await refusal(call.peer, answer);
  return answer;
}

/** The JSON object that the provider answers. */
export async function callForObject(call: HttpCall): Promise<Record<string, unknown>> {
  const deadline = new Deadline(call.signal, call.timeoutMs);
  try {
    const answer = await send(call, "application/json", deadline);
    return parseObject(call.peer, await readAnswerText(call.peer, answer), "the answer");
  } catch (thrown) {
    throw inContext(call.peer, thrown, call.signal, deadline);
  } finally {
    deadline.end();
  }
}

/** The objects of an answer that has one a line, as they come. */
export async function* callForLines(call: HttpCall): AsyncGenerator<Record<string, unknown>> {
  const deadline = new Deadline(call.signal, call.timeoutMs);
  try {
    const answer = await send(call, "application/x-jsonl, application/jsonl, */*", deadline);
    for await (const line of linesOf(call.peer, answer.body)) {
      deadline.pause();
      if (line.trim() !== "") yield parseObject(call.peer, line, "a line of the results");
      deadline.extend();
    }
  } catch (thrown) {
    throw inContext(call.peer, thrown, call.signal, deadline);
  } finally {
    deadline.end();
  }
}

/** Longer than any answer of a model; a sender that never ends a line must not fill the memory. */
const LONGEST_LINE_CHARACTERS = 64 * 1024 * 1024;

async function* linesOf(peer: Peer, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    const [rest = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    pieces.push(rest);
    length += rest.length;
    if (length > LONGEST_LINE_CHARACTERS) throw unreadable(peer, "a line of the results does not end");
    if (others.length === 0) continue;
    yield pieces.join("");
    yield* others.slice(0, -1);
    pieces = [others.at(-1)!];
    length = pieces[0]!.length;
  }
  yield pieces.join("") + decoder.decode();
}

/**
 * What a provider's stream says: the objects of its events, until `[DONE]` or the end of the stream.
 *
 * @param isLast whether the answer is complete with an event; a stream that ends before is a failure
 */
export async function* callForStream(
  call: HttpCall,
  isLast: (event: Readonly<Record<string, unknown>>) => boolean,
): AsyncGenerator<Record<string, unknown>> {
  const deadline = new Deadline(call.signal, call.timeoutMs);
  try {
    const answer = await send(call, "text/event-stream", deadline);
    yield* readObjects(call.peer, answer, deadline, isLast);
  } catch (thrown) {
    throw inContext(call.peer, thrown, call.signal, deadline);
  } finally {
    // Also when the reader leaves early: closes the connection to the provider.
    deadline.end();
  }
}

async function* readObjects(
  peer: Peer,
  answer: HttpAnswer,
  deadline: Deadline,
  isLast: (event: Readonly<Record<string, unknown>>) => boolean,
): AsyncGenerator<Record<string, unknown>> {
  const type = answer.header("content-type") ?? "";
  if (!type.toLowerCase().startsWith("text/event-stream")) {
    throw unreadable(
      peer,
      `asked for a stream of text/event-stream, received ${type.slice(0, 100) || "no content type"}`,
    );
  }
  let hasFinished = false;
  for await (const { data } of readEventStream(answer.body)) {
    deadline.extend();
    if (data.trim() === "[DONE]") return;
    const value = parseObject(peer, data, "an event of the stream");
    if (value.error !== undefined && value.error !== null) {
      throw unreadable(peer, "the provider reported an error inside the stream", value.error);
    }
    hasFinished ||= isLast(value);
    // Time that the reader takes is not the provider's: the clock stands still while a part is out.
    deadline.pause();
    yield value;
    deadline.extend();
  }
  if (!hasFinished) throw unreadable(peer, "the stream ended before the answer did");
}

/** The client's abort stays itself; a passed deadline and failures of the connection become typed errors. */
function inContext(peer: Peer, thrown: unknown, signal: AbortSignal, deadline: Deadline): unknown {
  if (signal.aborted) return signal.reason;
  if (deadline.hasPassed) {
    return new TuttiError(
      "UPSTREAM_TIMEOUT",
      `model "${peer.model}" did not answer within ${deadline.timeoutMs} ms`,
      {
        cause: thrown,
        details: { model: peer.model, timeoutMs: deadline.timeoutMs },
        hint: "raise timeoutMs of the model in the pool file, or check the provider",
      },
    );
  }
  if (TuttiError.is(thrown)) return thrown;
  // Where every address of a host was tried, the failure of them all has no message, only a code.
  const reason = messageOf(thrown) || String((thrown as NodeJS.ErrnoException).code);
  return new TuttiError("UPSTREAM_FAILED", `model "${peer.model}" could not be reached: ${reason}`, {
    cause: thrown,
    details: { model: peer.model },
    hint: "check that the server at the model's baseUrl runs and can be reached",
  });
}

function parseObject(peer: Peer, text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(peer, `${what} is not JSON`, undefined, cause);
  }
  if (!isJsonObject(value)) throw unreadable(peer, `${what} is not a JSON object`);
  return value;
}
