/** Everything that is trained and asked for one seed in one world, from the sources to the last baseline. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  bestAnswer,
  bestCorrectAnswer,
  crossSourcePairs,
  type JudgedGroup,
  type SelectedRow,
  type Selector,
  sameSourcePairs,
  select,
} from "../../src/judged/index.ts";
import { initialiseParameters, type Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import { meanOf } from "../../src/statistics/bootstrap.ts";
import { permutation, RandomStream, streamOf } from "../../src/tensor/random.ts";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";
import { directPreference, type PreferenceObjective } from "../../src/trainers/index.ts";
import { kept } from "../kept.ts";
import { ask, BATCH, type Given, imitate, prefer, type SftRow, tinyDecoder } from "./tiny-models.ts";
import {
  demonstrations,
  drawPrompts,
  FAMILIES,
  type Prompt,
  promptIds,
  TARGET,
  type Upbringing,
  type World,
} from "./world.ts";

/** Sizes of the experiment; one set of figures belongs to one set of sizes. */
export interface Sizes {
  readonly trainPerFamily: number;
  readonly testPerFamily: number;
  readonly samples: number;
  readonly temperature: number;
  readonly sftShare: number;
  readonly sourceSteps: number;
  readonly targetSteps: number;
  readonly sftSteps: number;
  readonly preferenceSteps: number;
  readonly upbringingRate: number;
  readonly sftRate: number;
  readonly preferenceRate: number;
  /** Of a mean log-ratio over tokens. */
  readonly normalisedBeta: number;
  /** Of a log-ratio of a whole answer. */
  readonly plainBeta: number;
  /** What a filler is worth to the biased reward; all digits right are worth 1. */
  readonly fillerBonus: number;
  readonly rewardNoise: number;
  /** Least difference of rewards in a pair. */
  readonly leastRewardGap: number;
}

export const SIZES: Sizes = {
  trainPerFamily: 400,
  testPerFamily: 150,
  samples: 4,
  temperature: 0.9,
  sftShare: 0.4,
  sourceSteps: 800,
  targetSteps: 700,
  sftSteps: 300,
  preferenceSteps: 100,
  upbringingRate: 3e-3,
  sftRate: 2e-3,
  preferenceRate: 1e-4,
  normalisedBeta: 2,
  plainBeta: 0.3,
  fillerBonus: 0.3,
  rewardNoise: 0.05,
  leastRewardGap: 0.2,
};

/** Proves that everything runs, and nothing else. */
export const QUICK_SIZES: Sizes = {
  ...SIZES,
  trainPerFamily: 20,
  testPerFamily: 10,
  sourceSteps: 60,
  targetSteps: 40,
  sftSteps: 4,
  preferenceSteps: 2,
};

export interface ArmResult {
  readonly arm: string;
  /** One character a test prompt, "1" where the answer is right: at the sampling temperature, and greedy. */
  readonly sampled: string;
  readonly greedy: string;
  /** Mean number of fillers of the sampled answers. */
  readonly fillers: number;
  /** Optimiser steps after the start that the arm is given. */
  readonly steps: number;
  /** Answers or pairs to learn from. */
  readonly examples: number;
  /** Of preference training, by role: mean log-probability of an answer in the first and last tenth of its steps, in nats. */
  readonly logProbabilities?: Readonly<Record<string, readonly [first: number, last: number]>>;
}

export interface DataFacts {
  /** Share of training prompts with a right answer among the samples, by source and of all together. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Pairs from the prompts for pairs, by rule. */
  readonly pairs: Readonly<Record<string, number>>;
  /** Why prompts gave no pair or answers were left out, by selection. */
  readonly drops: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface WorldResult {
  readonly world: string;
  readonly seed: number;
  readonly data: DataFacts;
  readonly arms: readonly ArmResult[];
}

export interface Run {
  readonly folder: string;
  readonly seed: number;
  readonly world: World;
  readonly sizes: Sizes;
  readonly backend: Backend;
  /** After every arm. */
  readonly onArm: (arm: string) => void;
}

/** Of a family at most; there are 3,125 prompts in each. */
const DEMONSTRATIONS = 2400;

const SOURCE = tinyDecoder(2, 64);
const STUDENT = tinyDecoder(2, 48);

/** How many models a world asks after training, for progress. */
export const armsOf = ({ isStyled }: World): number => (isStyled ? 10 : 18);

export async function runWorld(run: Run): Promise<WorldResult> {
  const { folder, seed, world, sizes } = run;
  mkdirSync(folder, { recursive: true });
  const taken = new Set<string>();
  const test = drawPrompts("test", sizes.testPerFamily, seed, taken);
  const train = drawPrompts("train", sizes.trainPerFamily, seed, taken);
  const bench = new Bench(run, test);
  const sources: Parameters[] = [];
  for (const [index, upbringing] of world.sources.entries()) {
    const parameters = await bench.bringUp(`source ${index}`, SOURCE, upbringing, sizes.sourceSteps, taken);
    await bench.measure(`source ${index}`, parameters, SOURCE, sizes.sourceSteps, 0);
    sources.push(parameters);
  }
  const start = await bench.bringUp("target", STUDENT, TARGET, sizes.targetSteps, taken);
  await bench.measure("target before", start, STUDENT, 0, 0);
  const answers = await kept(join(folder, "answers.json"), async () => {
    const given: Given[][][] = [];
    for (const [index, parameters] of sources.entries()) {
      const { samples, temperature } = sizes;
      const asking = { samples, temperature, seed: 10 * seed + index };
      given.push(await ask(SOURCE, parameters, train, asking, run.backend));
    }
    return given;
  });
  const data = await trainAll(bench, run, train, answers, start);
  return { world: world.name, seed, data, arms: bench.results };
}

/** Trains arms and asks them the test prompts; what is done is read back. */
class Bench {
  readonly results: ArmResult[] = [];
  private readonly run: Run;
  private readonly test: readonly Prompt[];

  constructor(run: Run, test: readonly Prompt[]) {
    this.run = run;
    this.test = test;
  }

  stage(name: string, start: Parameters, steps: number, model = STUDENT) {
    const folder = join(this.run.folder, name.replaceAll(/[ ,]+/g, "-"));
    return { folder, model, start, steps, seed: this.run.seed };
  }

  /** A model from scratch, on demonstrations of its own. */
  async bringUp(
    name: string,
    model: typeof STUDENT,
    upbringing: Upbringing,
    steps: number,
    taken: ReadonlySet<string>,
  ): Promise<Parameters> {
    const { seed, sizes, backend } = this.run;
    const perFamily = Math.min(DEMONSTRATIONS, Math.ceil((steps * BATCH) / FAMILIES.length));
    const most = Math.max(...upbringing.right);
    // A model sees its home family twice as often as each of the others.
    const prompts = drawPrompts(name, perFamily, seed, new Set(taken)).flatMap((prompt) =>
      upbringing.right[prompt.family] === most ? [prompt, prompt] : [prompt],
    );
    const rows = demonstrations(prompts, upbringing, name, seed).map(({ prompt, answer }) => ({
      id: prompt.id,
      promptIds: promptIds(prompt),
      answerIds: answer,
    }));
    const initial = initialiseParameters(model.specs, (1000 * seed + streamOf(name)) % 2 ** 32);
    return imitate(this.stage(name, initial, steps, model), rows, sizes.upbringingRate, backend);
  }

  async measure(
    arm: string,
    parameters: Parameters,
    model: typeof STUDENT,
    steps: number,
    examples: number,
    further: Pick<ArmResult, "logProbabilities"> = {},
  ): Promise<void> {
    const { folder, seed, sizes, backend, onArm } = this.run;
    const path = join(folder, "results", `${arm.replaceAll(/[ ,]+/g, "-")}.json`);
    const result = await kept(path, async (): Promise<ArmResult> => {
      const asked = async (temperature: number) =>
        (await ask(model, parameters, this.test, { temperature, samples: 1, seed }, backend)).flat();
      const sampled = await asked(sizes.temperature);
      const greedy = await asked(0);
      const bits = (given: readonly Given[]): string =>
        given.map(({ isCorrect }) => (isCorrect ? "1" : "0")).join("");
      const fillers = sampled.reduce((sum, given) => sum + given.fillers, 0) / sampled.length;
      return { arm, sampled: bits(sampled), greedy: bits(greedy), fillers, steps, examples, ...further };
    });
    this.results.push(result);
    onArm(arm);
  }

  /** @param stepsBefore those that made `start`, counted from the target */
  async sft(
    arm: string,
    start: Parameters,
    rows: readonly SftRow[],
    steps: number,
    stepsBefore = 0,
  ): Promise<Parameters> {
    const { sizes, backend } = this.run;
    // Who has no right answer teaches nothing.
    const trained =
      rows.length === 0 ? start : await imitate(this.stage(arm, start, steps), rows, sizes.sftRate, backend);
    await this.measure(arm, trained, STUDENT, stepsBefore + steps, rows.length);
    return trained;
  }

  async dpo(
    arm: string,
    start: Parameters,
    rows: readonly SelectedRow[],
    objective: PreferenceObjective,
    stepsBefore: number,
  ): Promise<void> {
    const { sizes, backend } = this.run;
    const pairs = rows.map(({ group, answer, rejected }) => ({
      id: group.id,
      promptIds: idsOf(group.messages[0]!.content as string),
      chosenIds: idsOf(answer.text),
      rejectedIds: idsOf(rejected!.text),
    }));
    const steps = sizes.preferenceSteps;
    const stage = this.stage(arm, start, steps);
    if (pairs.length === 0) return this.measure(arm, start, STUDENT, stepsBefore + steps, 0);
    const trained = await prefer(stage, pairs, objective, sizes.preferenceRate, backend);
    const logProbabilities = logProbabilitiesOf(stage.folder);
    await this.measure(arm, trained, STUDENT, stepsBefore + steps, pairs.length, { logProbabilities });
  }
}

/** From the metrics of a preference training. */
function logProbabilitiesOf(folder: string): NonNullable<ArmResult["logProbabilities"]> {
  const lines = readMetrics(trainingPaths(folder).metricsPath);
  const tenth = Math.max(1, Math.floor(lines.length / 10));
  const mean = (part: typeof lines, role: string): number =>
    meanOf(part.map(({ metrics }) => metrics[`logps/${role}`]!));
  const roles = ["chosen", "rejected"] as const;
  return Object.fromEntries(
    roles.map((role) => [role, [mean(lines.slice(0, tenth), role), mean(lines.slice(-tenth), role)]]),
  );
}

/** Token ids as the text of an answer, which the selectors compare. */
const textOf = (ids: ArrayLike<number>): string => Array.from(ids).join(" ");
const idsOf = (text: string): Int32Array => Int32Array.from(text.split(" "), Number);

const sftRows = (rows: readonly SelectedRow[]): SftRow[] =>
  rows.map(({ group, answer }) => ({
    id: group.id,
    promptIds: idsOf(group.messages[0]!.content as string),
    answerIds: idsOf(answer.text),
  }));

/** What an answer scores; `draw` is a uniform number of its own. */
type Scorer = (given: Given, draw: () => number) => number;

function judgedGroups(
  prompts: readonly Prompt[],
  answers: readonly (readonly (readonly Given[])[])[],
  scorer: Scorer,
  stream: RandomStream,
): JudgedGroup[] {
  return prompts.map((prompt, index) => ({
    promptKey: prompt.id,
    id: prompt.id,
    domain: FAMILIES[prompt.family]!.name,
    messages: [{ role: "user" as const, content: textOf(promptIds(prompt)) }],
    answers: answers.flatMap((given, source) =>
      given[index]!.map((answer, sample) => ({
        key: `${prompt.id}/${source}/${sample}`,
        source: `source ${source}`,
        text: textOf(answer.ids),
        status: "ok" as const,
        score: scorer(answer, () => stream.nextUniform()),
        isCorrect: answer.isCorrect,
        finalAnswer: null,
        tokens: answer.ids.length,
      })),
    ),
  }));
}

function coverageOf(groups: readonly JudgedGroup[], sources: number): Record<string, number> {
  const share = (counts: (source: string) => boolean): number =>
    groups.filter(({ answers }) => answers.some(({ source, isCorrect }) => isCorrect && counts(source)))
      .length / groups.length;
  const single = Array.from({ length: sources }, (_, source) => `source ${source}`);
  return {
    ...Object.fromEntries(single.map((name) => [name, share((source) => source === name)])),
    joint: share(() => true),
  };
}

const only = (groups: readonly JudgedGroup[], source: number): JudgedGroup[] =>
  groups.map((group) => ({
    ...group,
    answers: group.answers.filter((answer) => answer.source === `source ${source}`),
  }));

/** What the arms of a world share. */
interface Parts {
  readonly bench: Bench;
  readonly sizes: Sizes;
  /** Groups in the order of the split, with scores of their own kind. */
  readonly scored: (name: string, scorer: Scorer) => JudgedGroup[];
  /** Prompts before this one are for supervised fine-tuning, the others for pairs. */
  readonly cut: number;
  readonly chosen: (
    name: string,
    selector: Selector,
    groups: readonly JudgedGroup[],
  ) => Promise<readonly SelectedRow[]>;
  readonly start: Parameters;
  readonly normalised: PreferenceObjective;
}

async function trainAll(
  bench: Bench,
  { seed, world, sizes }: Run,
  train: readonly Prompt[],
  answers: readonly (readonly (readonly Given[])[])[],
  start: Parameters,
): Promise<DataFacts> {
  const drops: Record<string, Record<string, number>> = {};
  const pairs: Record<string, number> = {};
  const order = permutation(train.length, { seed, stream: streamOf("split") });
  const parts: Parts = {
    bench,
    sizes,
    start,
    cut: Math.round(sizes.sftShare * train.length),
    normalised: directPreference({ loss: "sigmoid", beta: sizes.normalisedBeta, isLengthNormalised: true }),
    scored: (name, scorer) => {
      const groups = judgedGroups(train, answers, scorer, new RandomStream({ seed, stream: streamOf(name) }));
      return Array.from(order, (index) => groups[index]!);
    },
    chosen: async (name, selector, groups) => {
      const selection = await select(selector, groups);
      drops[name] = selection.drops;
      if (selector.gives === "pairs") pairs[name] = selection.rows.length;
      return selection.rows;
    },
  };
  // A verifier's score, with a draw to choose among answers that are equally right.
  const verified = parts.scored("ties", ({ isCorrect }, draw) => Number(isCorrect) + 0.01 * draw());
  await (world.isStyled ? trainStyled(parts, verified) : trainPlain(parts, verified, world));
  return { coverage: coverageOf(verified, world.sources.length), pairs, drops };
}

/** Fusion in two stages with a verifier: the model after the first, and the pairs of both rules. */
async function fuse(
  { bench, sizes, cut, chosen, start, normalised }: Parts,
  verified: readonly JudgedGroup[],
) {
  const forPairs = verified.slice(cut);
  const rows = sftRows(await chosen("SFT", bestCorrectAnswer(), verified.slice(0, cut)));
  const fused = await bench.sft("fused SFT", start, rows, sizes.sftSteps);
  const same = await chosen("same source", sameSourcePairs({ isVerified: true }), forPairs);
  const crossing = crossSourcePairs({ isVerified: true, allowsSameSource: false });
  const cross = await chosen("cross source", crossing, forPairs);
  await bench.dpo("fused SFT + LN-DPO, same source", fused, same, normalised, sizes.sftSteps);
  await bench.dpo("fused SFT + LN-DPO, cross source", fused, cross, normalised, sizes.sftSteps);
  return { fused, same };
}

async function trainPlain(parts: Parts, verified: readonly JudgedGroup[], world: World): Promise<void> {
  const { bench, sizes, cut, chosen, start, normalised, scored } = parts;
  const { sftSteps, preferenceSteps, plainBeta } = sizes;
  const right = bestCorrectAnswer();
  const { fused, same } = await fuse(parts, verified);
  const plain = directPreference({ loss: "sigmoid", beta: plainBeta, isLengthNormalised: false });
  await bench.dpo("fused SFT + plain DPO, same source", fused, same, plain, sftSteps);
  await bench.dpo("LN-DPO without SFT", start, same, normalised, 0);
  const most = sftRows(await chosen("SFT on the prompts for pairs", right, verified.slice(cut)));
  await bench.sft("fused SFT + SFT on the chosen", fused, most, preferenceSteps, sftSteps);

  const drawn = scored("unfiltered", (_, draw) => draw()).slice(0, cut);
  const any = sftRows(await chosen("unfiltered", bestAnswer(), drawn));
  await bench.sft("SFT, unfiltered", start, any, sftSteps);
  const allSteps = sftSteps + preferenceSteps;
  const all = sftRows(await chosen("SFT on all", right, verified));
  await bench.sft("fused SFT, all prompts", start, all, allSteps);
  for (const source of world.sources.keys()) {
    const own = only(verified, source);
    const some = sftRows(await chosen(`SFT, source ${source}`, right, own.slice(0, cut)));
    await bench.sft(`SFT, source ${source} only`, start, some, sftSteps);
    const every = sftRows(await chosen(`SFT on all, source ${source}`, right, own));
    await bench.sft(`SFT, source ${source} only, all prompts`, start, every, allSteps);
  }
}

/** With a verifier, and then without one: a scalar reward that likes right digits and, more than it should, fillers. */
async function trainStyled(parts: Parts, verified: readonly JudgedGroup[]): Promise<void> {
  const { bench, sizes, cut, scored, chosen, start, normalised } = parts;
  const { sftSteps, fillerBonus, rewardNoise, leastRewardGap } = sizes;
  await fuse(parts, verified);
  const groups = scored("reward", ({ share, fillers }, draw) => {
    const noise = Math.sqrt(12) * rewardNoise * (draw() - 0.5);
    return share + fillerBonus * fillers + noise;
  });
  const forPairs = groups.slice(cut);
  const best = sftRows(await chosen("reward SFT", bestAnswer(), groups.slice(0, cut)));
  const imitated = await bench.sft("reward SFT", start, best, sftSteps);
  const gap = { least: leastRewardGap, most: Number.POSITIVE_INFINITY };
  const same = await chosen("reward, same source", sameSourcePairs({ gap }), forPairs);
  const crossing = crossSourcePairs({ gap, allowsSameSource: false });
  const cross = await chosen("reward, cross source", crossing, forPairs);
  await bench.dpo("reward SFT + LN-DPO, same source", imitated, same, normalised, sftSteps);
  await bench.dpo("reward SFT + LN-DPO, cross source", imitated, cross, normalised, sftSteps);
}
