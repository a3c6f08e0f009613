/** Sampling of continuations, one token at a time; samples of one prompt share its computation. */
import { TuttiError } from "../support/errors.ts";
import { RandomStream } from "../tensor/random.ts";
import type { CachedDecoder, DecoderCache } from "./cached-decoder.ts";
import {
  candidates,
  checkSampling,
  draw,
  logProbabilities,
  penalise,
  type SamplingSettings,
} from "./sampling.ts";

export interface GenerationSettings extends SamplingSettings {
  readonly maxNewTokens: number;
  /** Tokens that end a sample; they are not part of it. @default none */
  readonly stopTokens?: readonly number[];
  /** Continuations of the prompt. @default 1 */
  readonly samples?: number;
  /** Sample i draws from stream i of this seed: its tokens do not depend on how many others there are. @default 0 */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** "stop": a stop token came; "length": maxNewTokens were made. */
export type FinishReason = "stop" | "length";

export type GenerationEvent =
  | {
      readonly kind: "token";
      readonly sample: number;
      readonly token: number;
      /** ln p of the token under the model itself: before penalties, temperature and filters. */
      readonly logProbability: number;
    }
  | { readonly kind: "end"; readonly sample: number; readonly reason: FinishReason };

interface Sample {
  readonly index: number;
  readonly random: RandomStream;
  readonly seen: Set<number>;
  readonly generated: Map<number, number>;
  count: number;
}

/**
 * Tokens of every sample as they are made. A consumer that stops reading stops the generation.
 *
 * @param prompt token ids, at least one
 * @throws {TuttiError} INVALID_ARGUMENT for bad settings, an empty prompt, or more tokens than the model has positions;
 *   INTERRUPTED after an abort
 */
export async function* generateTokens(
  decoder: CachedDecoder,
  prompt: ArrayLike<number>,
  settings: GenerationSettings,
): AsyncGenerator<GenerationEvent, void> {
  const { maxNewTokens, samples: count = 1 } = settings;
  checkSettings(decoder, prompt, settings);
  const cache = decoder.open(count, prompt.length + maxNewTokens - 1);
  const [first] = await decoder.run(cache, [{ row: 0, tokens: prompt }]);
  cache.copyFirstRowToAll();
  let active = startSamples(prompt, settings);
  let logits = active.map(() => first!);
  while (active.length > 0) {
    const next: { readonly sample: Sample; readonly token: number }[] = [];
    for (const [index, sample] of active.entries()) {
      const token = choose(logits[index]!, sample, settings);
      if (settings.stopTokens?.includes(token)) {
        yield { kind: "end", sample: sample.index, reason: "stop" };
        continue;
      }
      const logProbability = logProbabilities(logits[index]!)[token]!;
      yield { kind: "token", sample: sample.index, token, logProbability };
      if (sample.count === maxNewTokens) yield { kind: "end", sample: sample.index, reason: "length" };
      else next.push({ sample, token });
    }
    active = next.map(({ sample }) => sample);
    if (active.length > 0) logits = await advance(decoder, cache, next, settings.signal);
  }
}

function checkSettings(
  decoder: CachedDecoder,
  prompt: ArrayLike<number>,
  settings: GenerationSettings,
): void {
  checkSampling(settings);
  const { maxNewTokens, samples = 1 } = settings;
  for (const [name, value] of Object.entries({ maxNewTokens, samples, "prompt tokens": prompt.length })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} must be a whole number from 1, received ${value}`);
    }
  }
  const { vocabularySize } = decoder.model.config;
  const bad = Array.from(prompt).find(
    (token) => !(Number.isInteger(token) && token >= 0 && token < vocabularySize),
  );
  if (bad !== undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `the prompt holds token ${bad}, the model has 0 to ${vocabularySize - 1}`,
      {
        hint: "use the tokenizer that belongs to the model",
      },
    );
  }
}

function startSamples(prompt: ArrayLike<number>, { samples = 1, seed = 0 }: GenerationSettings): Sample[] {
  return Array.from({ length: samples }, (_, index) => ({
    index,
    random: new RandomStream({ seed, stream: index }),
    seen: new Set(Array.from(prompt)),
    generated: new Map<number, number>(),
    count: 0,
  }));
}

function choose(logits: Float32Array, sample: Sample, settings: GenerationSettings): number {
  const penalised = penalise(logits, sample.seen, sample.generated, settings);
  const token = draw(candidates(penalised, settings), sample.random);
  sample.seen.add(token);
  sample.generated.set(token, (sample.generated.get(token) ?? 0) + 1);
  sample.count++;
  return token;
}

function advance(
  decoder: CachedDecoder,
  cache: DecoderCache,
  next: readonly { readonly sample: Sample; readonly token: number }[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  if (signal?.aborted) {
    throw new TuttiError("INTERRUPTED", `generation was stopped after ${next[0]!.sample.count} tokens`);
  }
  return decoder.run(
    cache,
    next.map(({ sample, token }) => ({ row: sample.index, tokens: [token] })),
  );
}

/**
 * ln p(continuation_t | prompt, continuation_<t) for every token of the continuation, in one pass.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an empty prompt or continuation
 */
export async function scoreContinuation(
  decoder: CachedDecoder,
  prompt: ArrayLike<number>,
  continuation: ArrayLike<number>,
): Promise<Float64Array> {
  if (continuation.length === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "a continuation has at least one token, received none");
  }
  const tokens = [...Array.from(prompt), ...Array.from(continuation).slice(0, -1)];
  checkSettings(decoder, [...Array.from(prompt), ...Array.from(continuation)], { maxNewTokens: 1 });
  if (prompt.length === 0)
    throw new TuttiError("INVALID_ARGUMENT", "a prompt has at least one token, received none");
  const cache = decoder.open(1, tokens.length);
  const [logits] = await decoder.run(cache, [{ row: 0, tokens }], true);
  const width = decoder.model.config.vocabularySize;
  return Float64Array.from({ length: continuation.length }, (_, index) => {
    const start = (prompt.length - 1 + index) * width;
    return logProbabilities(logits!.subarray(start, start + width))[continuation[index]!]!;
  });
}
