/**
 * Tutti's side of the dpo and sft benchmarks: optimiser steps of four pairs, or of their chosen answers. A round is a few
 * steps, its time that of one.
 *
 *   tutti-language-training.ts dpo|sft MODEL [--separate] [--threads N]
 *
 * --separate computes each prompt once for every answer.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadCausalModel } from "../../src/models/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { createCausalLanguageModelTask, type FineTuningTask } from "../../src/train/index.ts";
import { packFirstFitDecreasing } from "../../src/train/packing.ts";
import {
  computeReference,
  createPreferenceTask,
  directPreference,
  type PromptResponses,
} from "../../src/trainers/index.ts";
import { missing } from "../decode-work.ts";
import { answerRounds } from "./answer-rounds.ts";
import { OptimizerSteps } from "./optimizer-steps.ts";
import { benchModelFolder, PAIRS_PER_STEP, readPreferenceData, STEPS_PER_ROUND } from "./preference-data.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    separate: { type: "boolean", default: false },
  },
});
const [kind = "", modelName = ""] = positionals;
const pairs = readPreferenceData() ?? missing("no pairs yet: npx tsx bench/subjects/preference-data.ts");
const threads = Number(values.threads);
const sharesPrompt = !values.separate;
const { model, parameters } = loadCausalModel(benchModelFolder(modelName));

/** Rows of about the longest pair, all at once: a step is one forward and backward pass, as the peer's is. */
const TOKENS_PER_ROW = 1024;
const ROWS = 16;

async function dpoTask(): Promise<{ task: FineTuningTask; figures: Record<string, number> }> {
  const folder = mkdtempSync(join(tmpdir(), "tutti-bench-reference-"));
  const startedAt = performance.now();
  const reference = await computeReference(model, parameters, pairs, createOrtBackend({ threads }), {
    folder,
    paddingId: 0,
    tokensPerRow: TOKENS_PER_ROW,
    rowsPerBatch: 2,
    sharesPrompt,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const rows = pairs.map((_, index) => Float32Array.from(reference.row(index)));
  reference.close();
  rmSync(folder, { recursive: true });
  const objective = directPreference({ loss: "sigmoid", beta: 0.1, isLengthNormalised: false });
  const task = createPreferenceTask(model, pairs, objective, (group) => rows[group]!, {
    seed: 0,
    epochs: 1,
    paddingId: 0,
    sharesPrompt,
    batching: {
      groupsPerStep: PAIRS_PER_STEP,
      tokensPerRow: TOKENS_PER_ROW,
      rowsPerBatch: ROWS,
      order: "given",
    },
  });
  return { task, figures: { "reference, seconds per step": seconds / STEPS_PER_ROUND } };
}

const sequence = ({ id, promptIds, responses }: PromptResponses) => ({
  id,
  ids: Int32Array.of(...promptIds, ...responses[0]!),
  isTarget: Uint8Array.of(...promptIds.map(() => 0), ...responses[0]!.map(() => 1)),
});

/** The same four sequences a step as the peer. */
function sftTask(): FineTuningTask {
  const tasks = Array.from({ length: STEPS_PER_ROUND }, (_, step) => {
    const examples = pairs.slice(step * PAIRS_PER_STEP, (step + 1) * PAIRS_PER_STEP).map(sequence);
    const lengths = examples.map(({ ids }) => ids.length);
    const tokensPerRow = 64 * Math.ceil(Math.max(...lengths) / 64);
    const rowsPerBatch = packFirstFitDecreasing(lengths, tokensPerRow).length;
    return createCausalLanguageModelTask(model, examples, {
      seed: 0,
      epochs: 1,
      accumulation: 1,
      paddingId: 0,
      batching: { kind: "packed", tokensPerRow, rowsPerBatch },
    });
  });
  return { ...tasks[0]!, microBatches: (step) => tasks[step % STEPS_PER_ROUND]!.microBatches(0) };
}

const { task, figures } = kind === "dpo" ? await dpoTask() : { task: sftTask(), figures: {} };
const places = Array.from({ length: STEPS_PER_ROUND }, (_, step) => {
  const { batch = 0, tokens = 0 } = task.microBatches(step)[0]!.bucket;
  return batch * tokens;
});
const used = pairs
  .map(({ promptIds, responses }) => {
    const answers = kind === "dpo" ? responses : responses.slice(0, 1);
    const prompts = promptIds.length * (sharesPrompt ? 1 : answers.length);
    return prompts + answers.reduce((sum, { length }) => sum + length, 0);
  })
  .reduce((sum, tokens) => sum + tokens, 0);

const steps = new OptimizerSteps(task, parameters, threads);
let loss = 0;
async function pass(): Promise<number> {
  const startedAt = performance.now();
  for (let step = 0; step < STEPS_PER_ROUND; step++) loss = await steps.run(step);
  return (performance.now() - startedAt) / 1000 / STEPS_PER_ROUND;
}

const first = await pass();
const all = places.reduce((sum, count) => sum + count, 0);
await answerRounds(
  {
    "first pass": first,
    "tokens per step": used / STEPS_PER_ROUND,
    "share of padding": 1 - used / all,
    "loss after the first pass": loss,
    ...figures,
  },
  pass,
);
