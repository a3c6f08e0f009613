/** Trains the models of one seed in one world and asks them the test prompts; what is done is read back. */
import { join } from "node:path";
import type { SelectedRow } from "../../src/judged/index.ts";
import { initialiseParameters, type Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import { meanOf } from "../../src/statistics/bootstrap.ts";
import { streamOf } from "../../src/tensor/random.ts";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";
import type { PreferenceObjective } from "../../src/trainers/index.ts";
import { kept } from "../kept.ts";
import { idsOf } from "./groups.ts";
import type { ArmResult } from "./results.ts";
import type { Sizes } from "./sizes.ts";
import { ask, BATCH, type Given, imitate, prefer, type SftRow, tinyDecoder } from "./tiny-models.ts";
import {
  demonstrations,
  drawPrompts,
  FAMILIES,
  type Prompt,
  promptIds,
  type Upbringing,
  type World,
} from "./world.ts";

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

export const SOURCE = tinyDecoder(2, 64);
export const STUDENT = tinyDecoder(2, 48);

export class Bench {
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
