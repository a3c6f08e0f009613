/** The tiny decoders of the experiment: made from scratch, trained, asked. */
import { join } from "node:path";
import { CachedDecoder } from "../../src/generate/cached-decoder.ts";
import { checkSampling, chooseToken } from "../../src/generate/sampling.ts";
import { type CausalModel, createCausalModel } from "../../src/models/index.ts";
import type { Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import { float32 } from "../../src/tensor/index.ts";
import {
  createCausalLanguageModelTask,
  parameterGroups,
  type TrainingTask,
  train,
} from "../../src/train/index.ts";
import {
  computeReference,
  createPreferenceTask,
  type PreferenceObjective,
} from "../../src/trainers/index.ts";
import {
  type Checked,
  checkAnswer,
  DIGITS,
  END,
  MOST_ANSWER_TOKENS,
  PADDING,
  type Prompt,
  promptIds,
  TOKENS,
} from "./world.ts";

export function tinyDecoder(numLayers: number, hiddenSize: number): CausalModel {
  return createCausalModel({
    model_type: "llama",
    vocab_size: TOKENS.length,
    hidden_size: hiddenSize,
    intermediate_size: 2 * hiddenSize,
    num_hidden_layers: numLayers,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    hidden_act: "silu",
    max_position_embeddings: 64,
    initializer_range: 0.05,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    pad_token_id: PADDING,
    eos_token_id: END,
  });
}

/** Where a model comes from and is kept. */
export interface Stage {
  /** A finished stage is read back, one that was stopped goes on. */
  readonly folder: string;
  readonly model: CausalModel;
  readonly start: Parameters;
  readonly steps: number;
  readonly seed: number;
}

export const BATCH = 32;
/** Answers without fillers, with at most two, and longer ones. */
const ROW_TOKENS = [2 * DIGITS + 3, 2 * DIGITS + 5, DIGITS + 2 + MOST_ANSWER_TOKENS];

const copied = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, float32(shape, data.slice())]),
  );

async function trainStage(
  { folder, model, start, steps, seed }: Stage,
  task: TrainingTask & { readonly trainable: readonly string[] },
  learningRate: number,
  backend: Backend,
): Promise<Parameters> {
  const parameters = copied(start);
  await train(
    task,
    parameters,
    {
      seed,
      totalSteps: steps,
      groups: parameterGroups(task, { learningRate, weightDecay: 0 }),
      schedule: { kind: "cosine", warmupSteps: Math.ceil(steps / 10), totalSteps: steps },
      maxGradientNorm: 1,
      checkpointEverySteps: 200,
      fingerprint: JSON.stringify([model.config, steps, seed, learningRate]),
      outputFolder: folder,
    },
    { backend },
  );
  return parameters;
}

export interface SftRow {
  readonly id: string;
  readonly promptIds: Int32Array;
  readonly answerIds: Int32Array;
}

/** Imitates the answers. */
export async function imitate(
  stage: Stage,
  rows: readonly SftRow[],
  learningRate: number,
  backend: Backend,
): Promise<Parameters> {
  const examples = rows.map(({ id, promptIds: prompt, answerIds: answer }) => ({
    id,
    ids: Int32Array.of(...prompt, ...answer),
    isTarget: Uint8Array.of(...prompt.map(() => 0), ...answer.map(() => 1)),
  }));
  const task = createCausalLanguageModelTask(stage.model, examples, {
    seed: stage.seed,
    epochs: 1,
    accumulation: 1,
    paddingId: PADDING,
    batching: { kind: "length-buckets", bucketTokens: ROW_TOKENS, rowsPerBatch: BATCH },
  });
  return trainStage(stage, task, learningRate, backend);
}

export interface PairRow {
  readonly id: string;
  readonly promptIds: Int32Array;
  readonly chosenIds: Int32Array;
  readonly rejectedIds: Int32Array;
}

/** Learns from pairs; the model that it starts from is the reference. */
export async function prefer(
  stage: Stage,
  rows: readonly PairRow[],
  objective: PreferenceObjective,
  learningRate: number,
  backend: Backend,
): Promise<Parameters> {
  const groups = rows.map(({ id, promptIds: prompt, chosenIds, rejectedIds }) => ({
    id,
    promptIds: prompt,
    responses: [chosenIds, rejectedIds],
  }));
  const tokensPerRow = Math.max(
    ...groups.map((group) => group.promptIds.length + group.responses.flatMap((ids) => [...ids]).length),
  );
  const sizes = { tokensPerRow, rowsPerBatch: BATCH };
  const reference = await computeReference(stage.model, stage.start, groups, backend, {
    ...sizes,
    folder: join(stage.folder, "reference"),
    paddingId: PADDING,
  });
  try {
    const task = createPreferenceTask(stage.model, groups, objective, (group) => reference.row(group), {
      seed: stage.seed,
      epochs: 1,
      paddingId: PADDING,
      batching: { ...sizes, groupsPerStep: BATCH },
    });
    return await trainStage(stage, task, learningRate, backend);
  } finally {
    reference.close();
  }
}

export interface Given extends Checked {
  readonly ids: readonly number[];
}

export interface Asking {
  /** 0 takes the most likely token. */
  readonly temperature: number;
  readonly samples: number;
  readonly seed: number;
}

/** Sequences that are made at once. */
const SLOTS = 256;

/**
 * Checked answers to every prompt. All prompts are equally long, so their sequences go in step with each other through the
 * cache, prompts included, instead of being admitted one by one as `TextGenerator` does.
 */
export async function ask(
  model: CausalModel,
  parameters: Parameters,
  prompts: readonly Prompt[],
  { temperature, samples, seed }: Asking,
  backend: Backend,
): Promise<Given[][]> {
  const weights = { plain: new Map(Object.entries(parameters)), quantized: new Map() };
  const decoder = await CachedDecoder.create(model, weights, backend, model.config.maxPositions);
  const settings = checkSampling({ temperature, seed });
  const wanted = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
  const given: Given[] = [];
  try {
    for (let first = 0; first < wanted.length; first += SLOTS) {
      const batch = wanted.slice(first, first + SLOTS);
      const answers = await answerInStep(decoder, batch.map(promptIds), settings, first);
      given.push(...answers.map((ids, place) => ({ ids, ...checkAnswer(batch[place]!, ids) })));
    }
  } finally {
    await decoder.dispose();
  }
  return prompts.map((_, index) => given.slice(index * samples, (index + 1) * samples));
}

/** @param prompts all of one length */
async function answerInStep(
  decoder: CachedDecoder,
  prompts: readonly Int32Array[],
  settings: ReturnType<typeof checkSampling>,
  firstSample: number,
): Promise<number[][]> {
  const answers: number[][] = prompts.map(() => []);
  const promptTokens = prompts[0]!.length;
  for (let place = 0; place < promptTokens + MOST_ANSWER_TOKENS - 1; place++) {
    const read = prompts.map((ids, slot) => ids[place] ?? answers[slot]!.at(-1)!);
    const logits = await decoder.step(Int32Array.from(read), new Int32Array(prompts.length).fill(place));
    if (place < promptTokens - 1) continue;
    const width = logits.length / prompts.length;
    for (const [slot, answer] of answers.entries()) {
      if (answer.at(-1) === END) continue;
      const history = {
        promptIds: prompts[slot]!,
        counts: NO_COUNTS,
        length: answer.length,
        sample: firstSample + slot,
      };
      answer.push(chooseToken(logits.slice(slot * width, (slot + 1) * width), settings, history));
    }
    if (answers.every((answer) => answer.at(-1) === END)) break;
  }
  return answers;
}

/** Read by count penalties only, which are off. */
const NO_COUNTS: ReadonlyMap<number, number> = new Map();
