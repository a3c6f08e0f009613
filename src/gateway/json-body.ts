/** Reads a JSON request body within limits; every way it can be wrong has its own error. */
import { messageOf, TuttiError } from "../support/errors.ts";

/** Deeper than any real request; keeps recursive code downstream from overflowing its stack. */
const DEEPEST_NESTING = 200;

/**
 * The parsed body.
 *
 * @throws {TuttiError} MEDIA_TYPE_UNSUPPORTED, REQUEST_TOO_LARGE, or REQUEST_INVALID with `details.reason`
 *   `empty_body`, `invalid_encoding`, `invalid_json`
 */
export async function readJsonBody(request: Request, limitBytes: number): Promise<unknown> {
  checkMediaType(request.headers);
  const text = decode(await readBytes(request, limitBytes));
  if (text.trim() === "") throw invalid("the request body is empty, expected a JSON object", "empty_body");
  checkNesting(text);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body, which may hold a prompt: say where, not what.
    throw invalid("the request body is not valid JSON", "invalid_json");
  }
}

function checkMediaType(headers: Headers): void {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "")
    .split(";")
    .map((part) => part.trim().toLowerCase());
  if (type !== "application/json") {
    throw unsupported(
      `content-type: received ${type === "" ? "none" : `"${type.slice(0, 100)}"`}, expected application/json`,
    );
  }
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  if (charset !== undefined && !["utf-8", "utf8", '"utf-8"', "us-ascii"].includes(charset)) {
    throw unsupported(`content-type: received charset ${charset.slice(0, 40)}, expected utf-8`);
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw unsupported(`content-encoding: received "${encoding.slice(0, 40)}", expected an uncompressed body`);
  }
}

async function readBytes(request: Request, limitBytes: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new TuttiError("REQUEST_TOO_LARGE", `the request body is longer than ${limitBytes} bytes`, {
      details: { limitBytes },
      hint: "send a shorter conversation",
    });
  // Number(null) is 0: a chunked body has no length and is counted while it comes in.
  if (Number(request.headers.get("content-length")) > limitBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of request.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limitBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (TuttiError.is(cause)) throw cause;
    throw new TuttiError("REQUEST_INVALID", `the request body could not be read: ${messageOf(cause)}`, {
      cause,
      details: { reason: "unreadable_body" },
    });
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the request body is not valid UTF-8", "invalid_encoding");
  }
}

function checkNesting(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let position = 0; position < text.length; position++) {
    const character = text[position];
    if (isInString) {
      if (character === "\\") position++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") {
      depth++;
      if (depth > DEEPEST_NESTING) {
        throw invalid(`the request body is nested deeper than ${DEEPEST_NESTING} levels`, "invalid_json");
      }
    } else if (character === "}" || character === "]") depth--;
  }
}

function unsupported(message: string): TuttiError {
  return new TuttiError("MEDIA_TYPE_UNSUPPORTED", message, {
    hint: "send the body as content-type: application/json, in UTF-8",
  });
}

function invalid(message: string, reason: string): TuttiError {
  return new TuttiError("REQUEST_INVALID", message, { details: { reason } });
}
