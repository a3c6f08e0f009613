/** Text of an answer as its tokens come: whole characters only, and nothing of a stop string. */

const REPLACEMENT = "\ufffd";

/** Tokens to text, as a tokenizer decodes. */
export type Decode = (ids: readonly number[]) => string;

/**
 * Text piece by piece. A token may end inside a character: what decodes to replacement characters at the end is held
 * back until the next tokens complete it.
 */
export class IncrementalDecoder {
  private readonly decode: Decode;
  /** Tokens whose text is known to be complete stay as context: decoders treat the start of a text apart. */
  private context: number[] = [];
  private pending: number[] = [];

  constructor(decode: Decode) {
    this.decode = decode;
  }

  /** The characters that `id` completes. */
  push(id: number): string {
    this.pending.push(id);
    const before = this.decode(this.context);
    const text = this.decode([...this.context, ...this.pending]);
    if (text.endsWith(REPLACEMENT)) return "";
    if (text.length > before.length) this.context = this.pending;
    // A space that decoders strip at the start of a text is one to those after it: no text yet, not without text.
    else if (this.context.length === 0) return "";
    this.pending = [];
    return text.slice(before.length);
  }

  /** What is held back, replacement characters where characters stay incomplete. */
  finish(): string {
    const before = this.decode(this.context);
    return this.decode([...this.context, ...this.pending]).slice(before.length);
  }
}

/** Finds the first stop string in a text that comes in pieces, and holds back what may yet become one. */
export class StopStringScanner {
  private readonly stops: readonly string[];
  private held = "";
  private found: string | undefined;

  constructor(stops: readonly string[]) {
    this.stops = stops;
  }

  /** The stop string that ended the text. */
  get match(): string | undefined {
    return this.found;
  }

  /** The text that is certainly before any stop string; nothing more after a match. */
  push(piece: string): string {
    if (this.found !== undefined) return "";
    this.held += piece;
    let first = Number.POSITIVE_INFINITY;
    for (const stop of this.stops) {
      const at = this.held.indexOf(stop);
      if (at >= 0 && at < first) {
        first = at;
        this.found = stop;
      }
    }
    const keep = this.found === undefined ? this.possibleStop() : this.held.length - first;
    const text = this.held.slice(0, this.held.length - keep);
    this.held = this.held.slice(text.length);
    return text;
  }

  /** What was held back and did not become a stop string. */
  finish(): string {
    const text = this.found === undefined ? this.held : "";
    this.held = "";
    return text;
  }

  /** Length of the longest end of the held text that begins a stop string. */
  private possibleStop(): number {
    const longest = Math.max(0, ...this.stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, this.held.length); length > 0; length--) {
      const end = this.held.slice(-length);
      if (this.stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
