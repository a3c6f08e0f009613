/** One answer while it is made: chooses tokens, turns them into text, knows when to stop. */
import { logProbabilityOf, type TokenLogProbability, topLogProbabilities } from "./log-probabilities.ts";
import { chooseToken, type SamplingSettings } from "./sampling.ts";
import { type Decode, IncrementalDecoder, StopStringScanner } from "./text-stream.ts";

export type FinishReason =
  /** a token or string that ends the answer */
  | "stop"
  /** as many tokens as asked for, or as fit the context */
  | "length"
  /** the caller's signal */
  | "aborted";

export interface GeneratedToken {
  readonly id: number;
  /** log p under the model itself, in nats; only where asked for. */
  readonly logProbability?: number;
  /** The most likely tokens at this place; only where asked for. */
  readonly top?: readonly TokenLogProbability[];
}

export interface GeneratedAnswer {
  /** Without what ended it. */
  readonly text: string;
  /** All that were chosen; one that ended the answer is the last. */
  readonly tokens: readonly GeneratedToken[];
  readonly finishReason: FinishReason;
  /** The stop string or token id that ended it. */
  readonly stoppedBy?: string | number;
}

export interface AnswerSettings {
  readonly promptIds: Int32Array;
  readonly sampling: Required<SamplingSettings>;
  readonly maxTokens: number;
  readonly stopTokens: ReadonlySet<number>;
  readonly stopStrings: readonly string[];
  /** How many alternatives to record a token; undefined records no log-probabilities at all. */
  readonly topLogProbabilities: number | undefined;
  readonly decode: Decode;
}

export class Answer {
  private readonly settings: AnswerSettings;
  private readonly sample: number;
  private readonly counts = new Map<number, number>();
  private readonly tokens: GeneratedToken[] = [];
  private readonly decoder: IncrementalDecoder;
  private readonly scanner: StopStringScanner;
  private text = "";
  private reason: FinishReason | undefined;
  private stoppedBy: string | number | undefined;

  constructor(settings: AnswerSettings, sample: number) {
    this.settings = settings;
    this.sample = sample;
    this.decoder = new IncrementalDecoder(settings.decode);
    this.scanner = new StopStringScanner(settings.stopStrings);
  }

  get finishReason(): FinishReason | undefined {
    return this.reason;
  }

  /**
   * Chooses and takes the next token; `logits` are overwritten.
   *
   * @returns the token and the text that it completes, which may be empty
   */
  take(logits: Float32Array): { readonly token: GeneratedToken; readonly text: string } {
    const { promptIds, sampling, topLogProbabilities: count } = this.settings;
    const raw = count === undefined ? undefined : Float32Array.from(logits);
    const id = chooseToken(logits, sampling, {
      promptIds,
      counts: this.counts,
      length: this.tokens.length,
      sample: this.sample,
    });
    const token: GeneratedToken = {
      id,
      ...(raw && {
        logProbability: logProbabilityOf(raw, id),
        ...(count! > 0 && { top: topLogProbabilities(raw, count!) }),
      }),
    };
    this.tokens.push(token);
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    return { token, text: this.advance(id) };
  }

  /** Ends the answer where it is. @returns the text that was held back */
  abort(): string {
    return this.reason === undefined ? this.finish("aborted") : "";
  }

  result(): GeneratedAnswer {
    return {
      text: this.text,
      tokens: this.tokens,
      finishReason: this.reason ?? "aborted",
      ...(this.stoppedBy !== undefined && { stoppedBy: this.stoppedBy }),
    };
  }

  private advance(id: number): string {
    if (this.settings.stopTokens.has(id)) {
      this.stoppedBy = id;
      return this.finish("stop");
    }
    const text = this.say(this.scanner.push(this.decoder.push(id)));
    if (this.scanner.match !== undefined) {
      this.stoppedBy = this.scanner.match;
      this.reason = "stop";
      return text;
    }
    return this.tokens.length < this.settings.maxTokens ? text : text + this.finish("length");
  }

  /** What is held back is text after all, unless it completes a stop string. */
  private finish(reason: FinishReason): string {
    this.reason = reason;
    const text = this.scanner.push(this.decoder.finish());
    if (this.scanner.match !== undefined) {
      this.reason = "stop";
      this.stoppedBy = this.scanner.match;
    }
    return this.say(text + this.scanner.finish());
  }

  private say(text: string): string {
    this.text += text;
    return text;
  }
}
