/** Text from a language model: the public face of generation. */
import { type CausalModel, isSeq2SeqModel, type Seq2SeqModel } from "../models/index.ts";
import { createOrtBackend, type ExecutionProvider } from "../runtime/index.ts";
import { TuttiError } from "../support/errors.ts";
import { renderChatTemplate, type TemplateMessage } from "../text/index.ts";
import { Answer, type GeneratedAnswer, type GeneratedToken } from "./answer.ts";
import { CachedDecoder } from "./cached-decoder.ts";
import type { GenerationModel } from "./load-model.ts";
import { checkPrompt, checkRequest, checkTokenIds, type GenerationRequest } from "./request.ts";
import { checkSampling } from "./sampling.ts";
import { BatchScheduler } from "./scheduler.ts";
import { type ContinuationScore, scoreContinuation } from "./score.ts";
import { Seq2SeqDecoder } from "./seq2seq-decoder.ts";
import { type Prompt, promptOf, type SlotDecoder } from "./slot-decoder.ts";

export interface TextGeneratorOptions {
  /** Threads inside one operator. @default 2 */
  readonly threads?: number;
  /** What computes. @default "cpu" */
  readonly provider?: ExecutionProvider;
  /**
   * Tokens of a sequence, prompt included; of an encoder-decoder, those of a source and those of an answer.
   *
   * @default the model's own, at most 4096
   */
  readonly contextLength?: number;
  /** Sequences that run at once; further ones wait. @default 16 */
  readonly maxBatch?: number;
}

/** A token and the text that it completes, which may be empty; `sample` says of which answer. */
export interface GenerationEvent {
  readonly sample: number;
  readonly token: GeneratedToken;
  readonly text: string;
}

const DEFAULT_CONTEXT_LENGTH = 4096;
const DEFAULT_MAX_BATCH = 16;

/** How long a model's sequences usually are at most, and may be. */
function contextOf(model: CausalModel | Seq2SeqModel): { readonly usual: number; readonly most: number } {
  if (isSeq2SeqModel(model)) return { usual: model.config.usualPositions, most: Number.POSITIVE_INFINITY };
  return { usual: model.config.maxPositions, most: model.config.maxPositions };
}

/** A model ready to generate. Requests may be made at any time and run together; dispose it when done. */
export class TextGenerator {
  readonly model: GenerationModel;
  private readonly decoder: SlotDecoder;
  private readonly scheduler: BatchScheduler;
  private isDisposed = false;

  private constructor(model: GenerationModel, decoder: SlotDecoder, maxBatch: number) {
    this.model = model;
    this.decoder = decoder;
    this.scheduler = new BatchScheduler(decoder, maxBatch);
  }

  /**
   * Makes the model ready.
   *
   * @throws {TuttiError} INVALID_ARGUMENT for bad options, PROVIDER_UNAVAILABLE, BACKEND_FAILED
   */
  static async create(model: GenerationModel, options: TextGeneratorOptions = {}): Promise<TextGenerator> {
    const { usual, most } = contextOf(model.model);
    const { threads = 2, maxBatch = DEFAULT_MAX_BATCH } = options;
    const contextLength = options.contextLength ?? Math.min(usual, DEFAULT_CONTEXT_LENGTH);
    for (const [name, value] of Object.entries({ threads, maxBatch, contextLength })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new TuttiError("INVALID_ARGUMENT", `${name} must be a positive integer, received ${value}`);
      }
    }
    if (contextLength > most) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `contextLength is ${contextLength}, the model was made for ${most} positions`,
        { details: { contextLength, maxPositions: most } },
      );
    }
    const backend = createOrtBackend({ threads, ...(options.provider && { provider: options.provider }) });
    const decoder = isSeq2SeqModel(model.model)
      ? await Seq2SeqDecoder.create(model.model, model.weights, backend, contextLength)
      : await CachedDecoder.create(model.model, model.weights, backend, contextLength);
    return new TextGenerator(model, decoder, maxBatch);
  }

  get contextLength(): number {
    return this.decoder.contextLength;
  }

  /**
   * The prompt of a conversation, up to where the model's answer begins, by the model's chat template.
   *
   * @throws {TuttiError} CHAT_TEMPLATE_INVALID when the model has none, or it fails
   */
  chatPrompt(messages: readonly TemplateMessage[]): Int32Array {
    const { chatTemplate, tokenizer, path, model } = this.model;
    if (chatTemplate === undefined) {
      const [what, hint] = isSeq2SeqModel(model)
        ? [`an encoder-decoder (${model.modelType}) that has`, "give the source text itself"]
        : ["a model that has", "generate from plain text, or take the model's instruction-tuned version"];
      throw new TuttiError("CHAT_TEMPLATE_INVALID", `${path} is ${what} no chat template`, {
        details: { path },
        hint: `it is no chat model: ${hint}`,
      });
    }
    const spelling = (id: number | undefined): string =>
      id === undefined ? "" : (tokenizer.token(id) ?? "");
    const text = renderChatTemplate(chatTemplate, messages, {
      addGenerationPrompt: true,
      bosToken: spelling(tokenizer.specialTokens.bos),
      eosToken: spelling(tokenizer.specialTokens.eos),
    });
    return tokenizer.encode(text, { addSpecialTokens: false }).ids;
  }

  /**
   * Answers, one a sample, in order. What shares the batch does not change them.
   *
   * @param onEvent called with every token as it is made
   * @throws {TuttiError} INVALID_ARGUMENT, NON_FINITE, BACKEND_FAILED
   */
  async generate(
    request: GenerationRequest,
    onEvent?: (event: GenerationEvent) => void,
  ): Promise<GeneratedAnswer[]> {
    this.checkAlive();
    const { tokenizer, model, endTokens } = this.model;
    const prompt = this.promptOf(request.prompt);
    const { samples, maxTokens, topLogProbabilities } = checkRequest(
      request,
      prompt.ids.length,
      this.contextLength,
    );
    for (const ids of [...prompt.sources, prompt.ids]) checkTokenIds(ids, model.config.vocabularySize);
    const settings = {
      promptIds: prompt.ids,
      sampling: checkSampling(request),
      maxTokens,
      stopTokens: new Set([...(request.ignoresEndTokens ? [] : endTokens), ...(request.stopTokens ?? [])]),
      stopStrings: request.stopStrings ?? [],
      topLogProbabilities,
      decode: (ids: readonly number[]) => tokenizer.decode(ids),
    };
    const answers = Array.from({ length: samples }, (_, sample) => new Answer(settings, sample));
    return new Promise((resolve, reject) => {
      this.scheduler.submit({
        prompt,
        samples,
        next: (sample, logits) => {
          const answer = answers[sample]!;
          const { token, text } = answer.take(logits);
          onEvent?.({ sample, token, text });
          return answer.finishReason === undefined ? token.id : undefined;
        },
        isAborted: () => request.signal?.aborted ?? false,
        end: (error) => {
          if (error !== undefined) return reject(error);
          for (const answer of answers) answer.abort();
          resolve(answers.map((answer) => answer.result()));
        },
      });
    });
  }

  /**
   * The same as events, as they come; leaving the loop early ends the answers.
   *
   * @throws {TuttiError} as {@link TextGenerator.generate}
   */
  async *stream(request: GenerationRequest): AsyncGenerator<GenerationEvent, GeneratedAnswer[], undefined> {
    const queue: GenerationEvent[] = [];
    const abandoned = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, abandoned.signal]) : abandoned.signal;
    let wake = (): void => {};
    const finished = this.generate({ ...request, signal }, (event) => {
      queue.push(event);
      wake();
    });
    let isDone = false;
    const settled = finished.then(
      () => undefined,
      () => undefined,
    );
    void settled.then(() => {
      isDone = true;
      wake();
    });
    try {
      for (;;) {
        const event = queue.shift();
        if (event) yield event;
        else if (isDone) return await finished;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      abandoned.abort();
      await settled;
    }
  }

  /**
   * Log-probability of a continuation given a prompt, or of a target given its source, under the model itself.
   *
   * @param prompt text, encoded with the tokens around a text; or ids
   * @param continuation text, encoded apart from the prompt and without such tokens, but with them as the target of an
   *   encoder-decoder, whose end is a token too; or ids
   * @throws {TuttiError} INVALID_ARGUMENT when either is empty or both do not fit the context
   */
  async score(
    prompt: GenerationRequest["prompt"],
    continuation: string | Int32Array,
  ): Promise<ContinuationScore> {
    this.checkAlive();
    const { model, tokenizer } = this.model;
    const given = this.promptOf(prompt);
    const ids =
      typeof continuation === "string"
        ? tokenizer.encode(continuation, { addSpecialTokens: isSeq2SeqModel(model) }).ids
        : continuation;
    if (ids.length === 0) throw new TuttiError("INVALID_ARGUMENT", "the continuation to score is empty");
    for (const part of [...given.sources, given.ids, ids]) checkTokenIds(part, model.config.vocabularySize);
    // The last token is scored, not read.
    const { length } = given.ids;
    checkPrompt(length === 0 ? 0 : length + ids.length - 1, this.contextLength + 1);
    return this.scheduler.exclusive((slot) => scoreContinuation(this.decoder, slot, given, ids));
  }

  /** Waits for what runs and lets go of all memory. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await this.scheduler.idle();
    await this.decoder.dispose();
  }

  private promptOf(given: GenerationRequest["prompt"]): Prompt {
    const isOne = typeof given === "string" || given instanceof Int32Array;
    const texts = (isOne ? [given] : given).map((text) =>
      typeof text === "string" ? this.model.tokenizer.encode(text).ids : text,
    );
    return promptOf(texts, this.decoder);
  }

  private checkAlive(): void {
    if (this.isDisposed) throw new TuttiError("BACKEND_FAILED", "this generator was disposed");
  }
}
