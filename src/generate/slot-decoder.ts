/** What scheduling, scoring and prompts need of a decoder over a cache, whichever kind of model it runs. */
import { type CausalModel, isSeq2SeqModel, type Seq2SeqModel } from "../models/index.ts";
import { TuttiError } from "../support/errors.ts";

/**
 * Prompt tokens in one run; bounds the memory of activations, and how long a prompt keeps others waiting. More are no faster, and prompts share
 * their beginnings in whole parts.
 */
export const PROMPT_PART_TOKENS = 64;

/** What each sequence holds, one slot a sequence. */
export interface SlotStore {
  /** Copies the first `tokens` tokens of a slot out. @returns puts them into a slot again, as often as wanted */
  save(slot: number, tokens: number): (slot: number) => void;
  /** Copies the first `tokens` tokens of one slot over those of another, which need not have been used before. */
  copy(from: number, to: number, tokens: number): void;
  /** Lets go of all memory. */
  clear(): void;
}

/** A prompt as a kind of model reads it. */
export interface Prompt {
  /** Texts that the encoder reads, one by one; none without an encoder. */
  readonly sources: readonly Int32Array[];
  /** What the decoder reads before its first own token. */
  readonly ids: Int32Array;
}

export interface SlotDecoder {
  readonly model: CausalModel | Seq2SeqModel;
  /** Tokens that a sequence may have in the decoder; as many may a source have. */
  readonly contextLength: number;
  readonly cache: SlotStore;
  /** Reads a source into a slot, behind those that it holds; `isFirst` forgets what it held. */
  readSource(slot: number, ids: Int32Array, isFirst: boolean): Promise<void>;
  /**
   * Reads tokens into a slot behind the `start` tokens it holds; at most {@link PROMPT_PART_TOKENS} at a time.
   *
   * @param wanted indices into `ids` whose logits are wanted
   * @returns logits f32 [wanted, V]
   */
  extend(slot: number, start: number, ids: Int32Array, wanted: ArrayLike<number>): Promise<Float32Array>;
  /**
   * One token for each of the slots 0 .. ids.length - 1.
   *
   * @param starts tokens that each slot holds, which is the position of its new one
   * @returns logits f32 [slots, V]
   */
  step(ids: Int32Array, starts: Int32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/**
 * The prompt that a model reads: an encoder-decoder takes all texts as sources, which its decoder fuses; other models
 * continue the one text there is.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for several texts without an encoder, an empty source or one that is too long
 */
export function promptOf(
  texts: readonly Int32Array[],
  { model, contextLength }: Pick<SlotDecoder, "model" | "contextLength">,
): Prompt {
  if (!isSeq2SeqModel(model)) {
    if (texts.length === 1) return { sources: [], ids: texts[0]! };
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${model.modelType} continues one text, received a list of ${texts.length}`,
      { hint: "join the texts; only encoder-decoder models read several passages" },
    );
  }
  if (texts.length === 0) throw new TuttiError("INVALID_ARGUMENT", "the list of passages is empty");
  for (const { length } of texts) {
    if (length === 0) throw new TuttiError("INVALID_ARGUMENT", "the prompt is empty");
    if (length <= contextLength) continue;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `the prompt has ${length} tokens, the encoder was opened for ${contextLength}`,
      {
        details: { promptLength: length, contextLength },
        hint: "shorten the prompt, split it into passages, or open the model with a larger context length",
      },
    );
  }
  return { sources: texts, ids: Int32Array.of(model.config.startTokenId) };
}

/** A prompt on its way into a slot, part by part: a source, or a chunk of the decoder's own tokens. */
export class PromptReading {
  private readonly decoder: SlotDecoder;
  private readonly prompt: Prompt;
  private sourcesRead = 0;
  private tokensRead: number;

  /** @param held tokens of the prompt that its slot holds already */
  constructor(decoder: SlotDecoder, prompt: Prompt, held: number) {
    this.decoder = decoder;
    this.prompt = prompt;
    this.tokensRead = held;
  }

  /** Tokens in the slot's cache. */
  get held(): number {
    return this.tokensRead;
  }

  get isBegun(): boolean {
    return this.sourcesRead + this.tokensRead > 0;
  }

  /** Reads the next part into `slot`. @returns the logits behind the prompt once all of it is read */
  async next(slot: number): Promise<Float32Array | undefined> {
    const { sources, ids } = this.prompt;
    if (this.sourcesRead < sources.length) {
      await this.decoder.readSource(slot, sources[this.sourcesRead]!, this.sourcesRead === 0);
      this.sourcesRead++;
      return undefined;
    }
    const chunk = ids.subarray(this.tokensRead, this.tokensRead + PROMPT_PART_TOKENS);
    const isLast = this.tokensRead + chunk.length === ids.length;
    const logits = await this.decoder.extend(slot, this.tokensRead, chunk, isLast ? [chunk.length - 1] : []);
    this.tokensRead += chunk.length;
    return isLast ? logits : undefined;
  }
}
