/** Preference and reward trainers against TRL: losses, gradients, 20 steps; and sharing a prompt changes nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createCausalModel, createSequenceClassifier } from "../../src/models/index.ts";
import type { Parameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import {
  createCausalLanguageModelTask,
  type FineTuningTask,
  parameterGroups,
  readMetrics,
  train,
  trainingPaths,
} from "../../src/train/index.ts";
import {
  createPreferenceTask,
  createRewardTask,
  directPreference,
  type GroupBatching,
  oddsRatioPreference,
  type PreferenceGroup,
  type PreferenceObjective,
  type ReferenceLookUp,
  type RewardGroup,
  simplePreference,
  unpairedPreference,
  weightedPreference,
} from "../../src/trainers/index.ts";
import { type FirstStep, firstStep } from "../support/first-step.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";

interface RecordedBatch {
  readonly config: Readonly<Record<string, unknown>>;
  readonly optimizer: {
    readonly learningRate: number;
    readonly steps: number;
    readonly maxGradientNorm: number;
  };
  readonly batch: number;
  readonly pairs: readonly {
    readonly prompt: number[];
    readonly chosen: number[];
    readonly rejected: number[];
    readonly isDesirable: boolean;
    readonly margin: number;
  }[];
  readonly cases: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const recorded = fixtureJson<RecordedBatch>("preference/batch.json");
const losses = new Fixture("preference/losses.safetensors");
const steps = new Fixture("preference/steps.safetensors");
const backend = createOrtBackend({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "tutti-preference-"));
afterAll(() => rmSync(folder, { recursive: true }));

const model = createCausalModel(recorded.config as { model_type: string });
const scorer = createSequenceClassifier({ ...recorded.config, model_type: "llama", num_labels: 1 });
const parametersOf = (prefix: string): Parameters =>
  Object.fromEntries(losses.names(prefix).map((name) => [name, losses.float(prefix + name)]));
const ids = (list: readonly number[]): Int32Array => Int32Array.from(list);

const pairs: PreferenceGroup[] = recorded.pairs.map(({ prompt, chosen, rejected }, index) => ({
  id: `pair ${index}`,
  promptIds: ids(prompt),
  responses: [ids(chosen), ids(rejected)],
}));
const first = recorded.pairs.slice(0, recorded.batch);

const BATCHING: GroupBatching = {
  groupsPerStep: recorded.batch,
  tokensPerRow: 64,
  rowsPerBatch: 2,
  order: "given",
};
const OPTIONS = { seed: 1, epochs: 1, paddingId: 0, batching: BATCHING };

/** Sums of log-probabilities of single responses, from the model's own task over one response a prompt. */
async function logProbabilities(
  weights: Parameters,
  groups: readonly PreferenceGroup[],
): Promise<number[][]> {
  const objective = oddsRatioPreference({ lambda: 1 });
  const sums: number[][] = groups.map(() => []);
  for (const [index, group] of groups.entries()) {
    for (const response of group.responses) {
      const twice = { ...group, responses: [response, response] };
      const task = createPreferenceTask(model, [twice], objective, undefined, OPTIONS);
      const { metrics } = await firstStep(task, weights, backend);
      sums[index]!.push(metrics["logps/chosen"]!);
    }
  }
  return sums;
}

const recordedReference: ReferenceLookUp = (group) =>
  (["chosen", "rejected"] as const).map((side) => losses.values(`reference_${side}`)[group]!);

function expectRecorded(name: string, { loss, gradients }: FirstStep): void {
  expectAllClose([loss], losses.values(`${name}.loss`), { absolute: 5e-6, relative: 5e-6 }, `${name} loss`);
  const compared = losses.names(`${name}.grad.`);
  expect(compared.sort()).toEqual(Object.keys(gradients).sort());
  for (const parameter of compared) {
    const expected = losses.values(`${name}.grad.${parameter}`);
    expectAllClose(
      gradients[parameter]!,
      expected,
      { absolute: 2e-5, relative: 1e-4 },
      `${name} ${parameter}`,
    );
  }
}

const DIRECT: Readonly<Record<string, () => PreferenceObjective>> = {
  dpo: () => directPreference({ loss: "sigmoid", beta: 0.5, isLengthNormalised: false }),
  "dpo-normalised": () => directPreference({ loss: "sigmoid", beta: 3, isLengthNormalised: true }),
  hinge: () => directPreference({ loss: "hinge", beta: 0.3, isLengthNormalised: false }),
  ipo: () => directPreference({ loss: "ipo", beta: 0.4, isLengthNormalised: false }),
  robust: () =>
    directPreference({ loss: "robust", beta: 0.5, isLengthNormalised: false, labelSmoothing: 0.2 }),
  conservative: () =>
    directPreference({ loss: "sigmoid", beta: 0.5, isLengthNormalised: false, labelSmoothing: 0.1 }),
  simpo: () => simplePreference({ beta: 2, targetMargin: 0.8 }),
  orpo: () => oddsRatioPreference({ lambda: 0.3 }),
};

describe("losses and gradients equal TRL's", () => {
  const weights = parametersOf("param.");

  test.each(Object.keys(DIRECT))("%s", async (name) => {
    const given = pairs.slice(0, recorded.batch);
    const task = createPreferenceTask(model, given, DIRECT[name]!(), recordedReference, OPTIONS);
    expectRecorded(name, await firstStep(task, weights, backend));
  });

  test("kto", async () => {
    const { beta, desirableWeight, undesirableWeight } = recorded.cases.kto! as Record<string, number>;
    const groups = first.map(({ prompt, chosen, isDesirable }, index) => ({
      id: `answer ${index}`,
      promptIds: ids(prompt),
      responses: [ids(chosen), ids(first.at(index - 1)!.chosen)],
      isDesirable,
    }));
    const sums = await logProbabilities(parametersOf("reference."), groups);
    const objective = unpairedPreference({
      beta: beta!,
      desirableWeight: desirableWeight!,
      undesirableWeight: undesirableWeight!,
    });
    const task = createPreferenceTask(model, groups, objective, (group) => sums[group]!, OPTIONS);
    expectRecorded("kto", await firstStep(task, weights, backend));
  });

  test("wrpo", async () => {
    const { beta, sourceShare } = recorded.cases.wrpo! as Record<string, number>;
    const groups = first.map(({ prompt, chosen, rejected }, index) => ({
      id: `triple ${index}`,
      promptIds: ids(prompt),
      responses: [ids(first.at(index - 1)!.chosen), ids(chosen), ids(rejected)],
    }));
    const sums = await logProbabilities(parametersOf("reference."), groups);
    const objective = weightedPreference({
      beta: beta!,
      isLengthNormalised: false,
      sourceShare: [sourceShare!, 1],
    });
    const task = createPreferenceTask(model, groups, objective, (group) => sums[group]!, OPTIONS);
    expectRecorded("wrpo", await firstStep(task, weights, backend));
  });

  test("reference sums equal those of one sequence at a time", async () => {
    const sums = await logProbabilities(parametersOf("reference."), pairs);
    for (const [side, name] of ["chosen", "rejected"].entries()) {
      const expected = losses.values(`reference_${name}`);
      expectAllClose(
        sums.map((row) => row[side]!),
        expected,
        { absolute: 2e-5, relative: 2e-6 },
        name,
      );
    }
  });

  const rewardGroups = (withMargins: boolean): RewardGroup[] =>
    pairs.map((pair, index) => ({ ...pair, ...(withMargins && { margin: recorded.pairs[index]!.margin }) }));

  test.each([
    ["reward", false, 0],
    ["reward-margin", true, 0],
    ["reward-centred", false, 0.1],
  ] as const)("%s", async (name, withMargins, centring) => {
    const given = rewardGroups(withMargins).slice(0, recorded.batch);
    const task = createRewardTask(scorer, given, { kind: "bradley-terry", centring }, OPTIONS);
    expectRecorded(name, await firstStep(task, parametersOf("scorer."), backend));
  });
});

describe("20 steps equal TRL's", () => {
  async function expectSteps(name: string, task: FineTuningTask, parameters: Parameters): Promise<void> {
    const outputFolder = join(folder, name);
    const { learningRate, steps: totalSteps, maxGradientNorm } = recorded.optimizer;
    expect(task.totalSteps).toBe(totalSteps);
    await train(
      task,
      parameters,
      {
        seed: 1,
        totalSteps,
        groups: parameterGroups(task, { learningRate, weightDecay: 0 }),
        schedule: { kind: "constant", warmupSteps: 0, totalSteps },
        maxGradientNorm,
        checkpointEverySteps: 100,
        fingerprint: name,
        outputFolder,
      },
      { backend },
    );
    const metrics = readMetrics(trainingPaths(outputFolder).metricsPath);
    const column = (key: "loss" | "gradientNorm"): number[] => metrics.map((line) => line[key]);
    const tolerance = { absolute: 5e-5, relative: 1e-4 };
    expectAllClose(column("loss"), steps.values(`${name}.step_losses`), tolerance, "loss");
    const norms = steps.values(`${name}.step_grad_norms`);
    expectAllClose(column("gradientNorm"), norms, { absolute: 2e-4, relative: 5e-4 }, "gradient norm");
    for (const parameter of steps.names(`${name}.after.`)) {
      const expected = steps.values(`${name}.after.${parameter}`);
      expectAllClose(parameters[parameter]!.data, expected, { absolute: 2e-4, relative: 1e-4 }, parameter);
    }
  }
  const options = { ...OPTIONS, epochs: 10 };

  test.each(["dpo", "dpo-normalised"])("%s", async (name) => {
    const task = createPreferenceTask(model, pairs, DIRECT[name]!(), recordedReference, options);
    await expectSteps(name, task, parametersOf("param."));
  });

  test("reward", async () => {
    const task = createRewardTask(scorer, pairs, { kind: "bradley-terry" }, options);
    await expectSteps("reward", task, parametersOf("scorer."));
  });

  test("sft", async () => {
    const examples = recorded.pairs.map(({ prompt, chosen }, index) => ({
      id: `example ${index}`,
      ids: ids([...prompt, ...chosen]),
      isTarget: Uint8Array.from([...prompt.map(() => 0), ...chosen.map(() => 1)]),
    }));
    const halves = [examples.slice(0, recorded.batch), examples.slice(recorded.batch)];
    const tasks = halves.map((half) =>
      createCausalLanguageModelTask(model, half, {
        seed: 1,
        epochs: 1,
        accumulation: 1,
        paddingId: 0,
        batching: { kind: "packed", tokensPerRow: 64, rowsPerBatch: recorded.batch },
      }),
    );
    const alternating: FineTuningTask = {
      ...tasks[0]!,
      totalSteps: recorded.optimizer.steps,
      microBatches: (step) => tasks[step % 2]!.microBatches(0),
    };
    await expectSteps("sft", alternating, parametersOf("param."));
  });
});

test("sharing the prompt, packing and micro-batches change neither loss nor gradients", async () => {
  const weights = parametersOf("param.");
  const make = (sharesPrompt: boolean, batching: Partial<GroupBatching>) =>
    firstStep(
      createPreferenceTask(model, pairs, DIRECT["dpo-normalised"]!(), recordedReference, {
        ...OPTIONS,
        sharesPrompt,
        batching: { ...BATCHING, groupsPerStep: pairs.length, ...batching },
      }),
      weights,
      backend,
    );
  const separate = await make(false, { tokensPerRow: 64, rowsPerBatch: 8 });
  for (const [sharesPrompt, batching] of [
    [true, { tokensPerRow: 32, rowsPerBatch: 8 }],
    [true, { tokensPerRow: 256, rowsPerBatch: 1 }],
    [true, { tokensPerRow: 32, rowsPerBatch: 1 }],
    [false, { tokensPerRow: 256, rowsPerBatch: 2 }],
  ] as const) {
    const other = await make(sharesPrompt, batching);
    expectAllClose([other.loss], [separate.loss], { absolute: 2e-6, relative: 0 }, "loss");
    for (const [name, gradient] of Object.entries(separate.gradients)) {
      expectAllClose(other.gradients[name]!, gradient, { absolute: 5e-6, relative: 2e-5 }, name);
    }
    for (const [name, value] of Object.entries(separate.metrics))
      expect(other.metrics[name], name).toBeCloseTo(value, 4);
  }
});
