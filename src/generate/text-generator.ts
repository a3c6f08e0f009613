/** Text from a language model: the public face of generation. */
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

export interface TextGeneratorOptions {
  /** Threads inside one operator. @default 2 */
  readonly threads?: number;
  /** What computes. @default "cpu" */
  readonly provider?: ExecutionProvider;
  /** Tokens of a sequence, prompt included. @default the model's own, at most 4096 */
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

/** A model ready to generate. Requests may be made at any time and run together; dispose it when done. */
export class TextGenerator {
  readonly model: GenerationModel;
  private readonly decoder: CachedDecoder;
  private readonly scheduler: BatchScheduler;
  private isDisposed = false;

  private constructor(model: GenerationModel, decoder: CachedDecoder, maxBatch: number) {
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
    const { maxPositions } = model.model.config;
    const { threads = 2, maxBatch = DEFAULT_MAX_BATCH } = options;
    const contextLength = options.contextLength ?? Math.min(maxPositions, DEFAULT_CONTEXT_LENGTH);
    for (const [name, value] of Object.entries({ threads, maxBatch, contextLength })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new TuttiError("INVALID_ARGUMENT", `${name} must be a positive integer, received ${value}`);
      }
    }
    if (contextLength > maxPositions) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `contextLength is ${contextLength}, the model was made for ${maxPositions} positions`,
        { details: { contextLength, maxPositions } },
      );
    }
    const backend = createOrtBackend({ threads, ...(options.provider && { provider: options.provider }) });
    const decoder = await CachedDecoder.create(model.model, model.weights, backend, contextLength);
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
    const { chatTemplate, tokenizer, path } = this.model;
    if (chatTemplate === undefined) {
      throw new TuttiError("CHAT_TEMPLATE_INVALID", `${path} has no chat template`, {
        details: { path },
        hint: "it is no chat model: generate from plain text, or take the model's instruction-tuned version",
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
    const promptIds = this.idsOf(request.prompt);
    const { samples, maxTokens, topLogProbabilities } = checkRequest(
      request,
      promptIds.length,
      this.contextLength,
    );
    checkTokenIds(promptIds, model.config.vocabularySize);
    const settings = {
      promptIds,
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
        promptIds,
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
   * Log-probability of a continuation given a prompt, under the model itself.
   *
   * @param prompt text, encoded with the tokens that begin a text; or ids
   * @param continuation text, encoded apart from the prompt and without such tokens; or ids
   * @throws {TuttiError} INVALID_ARGUMENT when either is empty or both do not fit the context
   */
  async score(prompt: string | Int32Array, continuation: string | Int32Array): Promise<ContinuationScore> {
    this.checkAlive();
    const promptIds = this.idsOf(prompt);
    const ids =
      typeof continuation === "string"
        ? this.model.tokenizer.encode(continuation, { addSpecialTokens: false }).ids
        : continuation;
    if (ids.length === 0) throw new TuttiError("INVALID_ARGUMENT", "the continuation to score is empty");
    const { vocabularySize } = this.model.model.config;
    checkTokenIds(promptIds, vocabularySize);
    checkTokenIds(ids, vocabularySize);
    // The last token is scored, not read.
    checkPrompt(promptIds.length === 0 ? 0 : promptIds.length + ids.length - 1, this.contextLength + 1);
    return this.scheduler.exclusive((slot) => scoreContinuation(this.decoder, slot, promptIds, ids));
  }

  /** Waits for what runs and lets go of all memory. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await this.scheduler.idle();
    await this.decoder.dispose();
  }

  private idsOf(prompt: string | Int32Array): Int32Array {
    return typeof prompt === "string" ? this.model.tokenizer.encode(prompt).ids : prompt;
  }

  private checkAlive(): void {
    if (this.isDisposed) throw new TuttiError("BACKEND_FAILED", "this generator was disposed");
  }
}
