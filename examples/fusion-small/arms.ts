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
import type { Parameters } from "../../src/nn/index.ts";
import { permutation, RandomStream, streamOf } from "../../src/tensor/random.ts";
import { directPreference, type PreferenceObjective } from "../../src/trainers/index.ts";
import { kept } from "../kept.ts";
import { Bench, type Run, SOURCE, STUDENT } from "./bench.ts";
import { coverageOf, judgedGroups, only, type Scorer, sftRows } from "./groups.ts";
import type { DataFacts, WorldResult } from "./results.ts";
import type { Sizes } from "./sizes.ts";
import { ask, type Given } from "./tiny-models.ts";
import { drawPrompts, type Prompt, TARGET, type World } from "./world.ts";

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
