/** Server-sent events, reading side (WHATWG HTML, "Server-sent events"): bytes in, events out. */
import { TuttiError } from "../support/errors.ts";

export interface ServerSentEvent {
  /** Event name; `message` when the sender gave none. */
  readonly event: string;
  /** Data lines joined by line feeds. */
  readonly data: string;
}

/** Larger than any chat chunk; a sender that never ends a line must not fill the memory. */
const LONGEST_EVENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Splits a byte stream into events. Chunk boundaries may fall anywhere, inside a character or between CR and LF.
 * Comments, `id` and `retry` are skipped. Unlike browsers, an event that the end of the stream cuts off before its
 * blank line is still given, because some servers leave the last blank line out.
 *
 * @throws {TuttiError} UPSTREAM_FAILED when one event is longer than 16 Mi characters
 */
export async function* readEventStream(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  const parser = new EventStreamParser();
  for await (const chunk of bytes) yield* parser.push(decoder.decode(chunk, { stream: true }));
  yield* parser.push(decoder.decode());
  yield* parser.end();
}

/** Holds the unfinished line and event between chunks. */
class EventStreamParser {
  /** Pieces of the line that has not ended yet; joined once, so that a long line costs linear time. */
  #linePieces: string[] = [];
  #lineLength = 0;
  #isAfterCarriageReturn = false;
  #event = "";
  #data: string[] = [];
  #dataLength = 0;

  *push(text: string): Generator<ServerSentEvent> {
    let start = 0;
    for (let position = 0; position < text.length; position++) {
      const code = text.charCodeAt(position);
      if (code !== 10 && code !== 13) {
        this.#isAfterCarriageReturn = false;
        continue;
      }
      if (code === 10 && this.#isAfterCarriageReturn) {
        // The second half of CR LF: the line has ended already.
        this.#isAfterCarriageReturn = false;
        start = position + 1;
        continue;
      }
      this.#keep(text.slice(start, position));
      start = position + 1;
      this.#isAfterCarriageReturn = code === 13;
      const event = this.#endLine();
      if (event !== undefined) yield event;
    }
    this.#keep(text.slice(start));
  }

  *end(): Generator<ServerSentEvent> {
    if (this.#lineLength > 0) this.#endLine();
    const event = this.#endEvent();
    if (event !== undefined) yield event;
  }

  #keep(piece: string): void {
    if (piece === "") return;
    this.#linePieces.push(piece);
    this.#lineLength += piece.length;
    if (this.#lineLength + this.#dataLength > LONGEST_EVENT_CHARACTERS) {
      throw new TuttiError(
        "UPSTREAM_FAILED",
        `received an event of more than ${LONGEST_EVENT_CHARACTERS} characters`,
      );
    }
  }

  #endLine(): ServerSentEvent | undefined {
    const line = this.#linePieces.join("");
    this.#linePieces = [];
    this.#lineLength = 0;
    if (line === "") return this.#endEvent();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const afterColon = colon < 0 ? "" : line.slice(colon + 1);
    const value = afterColon.startsWith(" ") ? afterColon.slice(1) : afterColon;
    if (field === "event") this.#event = value;
    if (field === "data") {
      this.#data.push(value);
      this.#dataLength += value.length;
    }
    return undefined;
  }

  #endEvent(): ServerSentEvent | undefined {
    const event =
      this.#data.length === 0 ? undefined : { event: this.#event || "message", data: this.#data.join("\n") };
    this.#event = "";
    this.#data = [];
    this.#dataLength = 0;
    return event;
  }
}
