/**
 * Every option of the trainer: a run that is stopped, then meets a NaN, then goes on, has the metrics and weights of
 * one that nothing happened to, bit for bit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialiseParameters, type Parameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { float32 } from "../../src/tensor/host-tensor.ts";
import {
  readMetrics,
  type TrainingContext,
  type TrainingSettings,
  type TrainingTask,
  train,
  trainingPaths,
} from "../../src/train/index.ts";
import { classificationTask } from "./classification-task.ts";
import { prepareRun } from "./tiny-fine-tuning.ts";
import { TRIALS } from "./trials.ts";

const backend = createOrtBackend({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "tutti-trainer-options-"));
afterAll(() => rmSync(folder, { recursive: true }));

const STEPS = 8;
/** A checkpoint is due every second step: neither place is at one. */
const [STOPPED_AFTER, BROKEN_AT] = [2, 5];

interface Trial {
  readonly task: TrainingTask;
  readonly parameters: Parameters;
  readonly settings: TrainingSettings;
}

const prepared: Readonly<Record<string, (outputFolder: string) => Trial>> = {
  ...Object.fromEntries(
    Object.entries(TRIALS).map(([name, run]) => [
      name,
      (outputFolder: string) => prepareRun(name, run, outputFolder),
    ]),
  ),
  "sequence classification": (outputFolder) => ({
    task: classificationTask,
    parameters: initialiseParameters(classificationTask.specs, 3),
    settings: {
      seed: 5,
      totalSteps: STEPS,
      groups: [{ names: Object.keys(classificationTask.specs), learningRate: 1e-2, weightDecay: 0.01 }],
      schedule: { kind: "constant", warmupSteps: 0, totalSteps: STEPS },
      maxGradientNorm: 1,
      checkpointEverySteps: 2,
      fingerprint: "classification",
      outputFolder,
    },
  }),
};

function run(trial: Trial, context: Partial<TrainingContext> = {}, task = trial.task) {
  return train(task, trial.parameters, { ...trial.settings, totalSteps: STEPS }, { backend, ...context });
}

/** Everything in metrics.jsonl but the measurements. */
const curve = (outputFolder: string) =>
  readMetrics(trainingPaths(outputFolder).metricsPath).map(
    ({ stepSeconds: _, eventLoopDelaySeconds: __, peakMemoryBytes: ___, ...rest }) => rest,
  );

/** A float feed that the loss depends on. */
const brokenFeed = (task: TrainingTask): string =>
  task === classificationTask ? "last_token_weights" : "target_scale";

/** That feed becomes NaN in one step. */
function breakAt(task: TrainingTask, step: number): TrainingTask {
  return {
    ...task,
    microBatches: (current) => {
      const batches = task.microBatches(current);
      if (current !== step) return batches;
      return batches.map((batch) => {
        const name = brokenFeed(task);
        const { shape, data } = batch.feeds[name]!;
        const broken = float32(shape, new Float32Array(data.length).fill(Number.NaN));
        return { ...batch, feeds: { ...batch.feeds, [name]: broken } };
      });
    },
  };
}

describe.each(Object.keys(prepared))("%s", (name) => {
  const prepare = prepared[name]!;

  test("stopped, broken and resumed, it ends where an undisturbed run ends", async () => {
    const [quiet, disturbed] = [join(folder, `${name}-quiet`), join(folder, `${name}-disturbed`)];
    const expected = await run(prepare(quiet));
    const losses = curve(quiet).map(({ loss }) => loss);
    expect(losses).toHaveLength(STEPS);
    // The warm-up starts at 0, so two losses may be equal.
    expect(new Set(losses).size).toBeGreaterThan(STEPS - 2);

    const stopping = new AbortController();
    const stopped = run(prepare(disturbed), {
      signal: stopping.signal,
      onStep: ({ step }) => step === STOPPED_AFTER && stopping.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });

    const breaking = prepare(disturbed);
    const ids = breaking.task.microBatches(BROKEN_AT).map(({ recordIds }) => recordIds);
    await expect(run(breaking, {}, breakAt(breaking.task, BROKEN_AT))).rejects.toMatchObject({
      code: "NON_FINITE",
      details: {
        step: BROKEN_AT,
        where: `input "${brokenFeed(breaking.task)}"`,
        recordIds: ids[0],
      },
    });

    const resumed = await run(prepare(disturbed));
    expect(resumed.resumedAtStep).toBe(BROKEN_AT - 1);
    expect(curve(disturbed)).toEqual(curve(quiet));
    expect(resumed.parameters).toEqual(expected.parameters);
  });

  test("a NaN among the weights is named", async () => {
    const outputFolder = join(folder, `${name}-nan`);
    const { task, parameters, settings } = prepare(outputFolder);
    // A trained one, and a frozen one where there are any: in half precision where that is so.
    const frozen = Object.keys(task.specs).filter(
      (key) => !(task.trainable ?? Object.keys(task.specs)).includes(key),
    );
    for (const key of [task.trainable?.[0] ?? Object.keys(task.specs)[0]!, frozen.at(-2)]) {
      if (key === undefined) continue;
      const half = task.half?.[key];
      const { data } = half ?? parameters[key]!;
      const before = data[0]!;
      data[0] = half ? 0x7e00 : Number.NaN;
      await expect(run({ task, parameters, settings })).rejects.toMatchObject({
        code: "NON_FINITE",
        details: { step: 0, where: `input "${key}"`, recordIds: task.microBatches(0)[0]!.recordIds },
      });
      data[0] = before;
    }
  });
});

test("weights that an update made infinite do not replace the last checkpoint", async () => {
  const outputFolder = join(folder, "overflow");
  const [quiet, trial] = [join(folder, "no-overflow"), TRIALS["adamw, constant"]!];
  const expected = await run(prepareRun("overflow", trial, quiet));
  const stopping = new AbortController();
  const stopped = run(prepareRun("overflow", trial, outputFolder), {
    signal: stopping.signal,
    onStep: ({ step }) => step === STOPPED_AFTER && stopping.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
  const { task, parameters, settings } = prepareRun("overflow", trial, outputFolder);
  const groups = settings.groups.map((group) => ({ ...group, learningRate: 1e39 }));
  await expect(run({ task, parameters, settings: { ...settings, groups } })).rejects.toMatchObject({
    code: "NON_FINITE",
    details: {
      step: STOPPED_AFTER + 1,
      where: `updated parameter "${task.trainable[0]}"`,
      recordIds: task.microBatches(STOPPED_AFTER + 1)[0]!.recordIds,
    },
  });
  const resumed = await run(prepareRun("overflow", trial, outputFolder));
  expect(resumed.resumedAtStep).toBe(STOPPED_AFTER + 1);
  expect(resumed.parameters).toEqual(expected.parameters);
});

test("a run over frozen weights in one precision does not go on over the other", async () => {
  const outputFolder = join(folder, "precision");
  const [name, trial] = Object.entries(TRIALS).find(([, { isHalf }]) => isHalf)!;
  const stop = { signal: AbortSignal.abort() };
  await expect(run(prepareRun(name, trial, outputFolder), stop)).rejects.toMatchObject({
    code: "INTERRUPTED",
  });
  await expect(run(prepareRun(name, { ...trial, isHalf: false }, outputFolder))).rejects.toMatchObject({
    code: "CHECKPOINT_MISMATCH",
    message: expect.stringContaining("frozen"),
  });
});
