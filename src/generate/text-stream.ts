/** Text out of tokens as they come: no half character, and never a part of a stop string. */
import type { Tokenizer } from "../text/index.ts";

/** What decoders put where bytes are not a whole character yet. */
const REPLACEMENT = "\uFFFD";

export class TextStream {
  private readonly tokenizer: Pick<Tokenizer, "decode">;
  private readonly stopStrings: readonly string[];
  private readonly ids: number[] = [];
  private given = 0;
  private ended = false;

  constructor(tokenizer: Pick<Tokenizer, "decode">, stopStrings: readonly string[] = []) {
    this.tokenizer = tokenizer;
    this.stopStrings = stopStrings.filter((stop) => stop !== "");
  }

  /** Whether a stop string was met; text from it on is never given. */
  get isStopped(): boolean {
    return this.ended;
  }

  /** Text that is certain after this token; often a word, sometimes nothing. */
  push(token: number): string {
    if (this.ended) return "";
    this.ids.push(token);
    const text = this.tokenizer.decode(this.ids);
    const stop = this.firstStop(text);
    if (stop >= 0) {
      this.ended = true;
      return this.giveUpTo(text, stop);
    }
    return this.giveUpTo(text, text.length - Math.max(unfinished(text), this.possibleStop(text)));
  }

  /** What was held back. */
  finish(): string {
    if (this.ended) return "";
    this.ended = true;
    const text = this.tokenizer.decode(this.ids);
    return this.giveUpTo(text, text.length);
  }

  private giveUpTo(text: string, end: number): string {
    const part = text.slice(this.given, Math.max(this.given, end));
    this.given += part.length;
    return part;
  }

  private firstStop(text: string): number {
    const found = this.stopStrings.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
    return found.length > 0 ? Math.min(...found) : -1;
  }

  /** Characters at the end that may be the beginning of a stop string. */
  private possibleStop(text: string): number {
    for (let length = Math.max(0, ...this.stopStrings.map((stop) => stop.length - 1)); length > 0; length--) {
      const end = text.slice(-length);
      if (end.length === length && this.stopStrings.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}

/** Characters at the end that later bytes may still change: at most three of a four-byte character. */
function unfinished(text: string): number {
  let count = 0;
  while (count < 4 && text.at(-1 - count) === REPLACEMENT) count++;
  return count;
}
