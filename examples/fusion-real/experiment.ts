/** The sources, what they answer, and the models trained from it. */
import { join } from "node:path";
import { createProgress, type Progress } from "../../src/cli/progress.ts";
import {
  bestCorrectAnswer,
  type JudgedGroup,
  type SelectedRow,
  type Selector,
  sameSourcePairs,
  select,
} from "../../src/judged/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { permutation, RandomStream, streamOf } from "../../src/tensor/random.ts";
import { directPreference } from "../../src/trainers/index.ts";
import { kept } from "../kept.ts";
import {
  type Asking,
  askByExample,
  askChat,
  type ChatModel,
  conversationOf,
  imitate,
  openChatModel,
  prefer,
  type Stage,
} from "./models.ts";
import { FAMILIES, isRight, type Question } from "./tasks.ts";

export const SIZES = {
  askedPerFamily: 56,
  testPerFamily: 36,
  /** Real word problems beside the written questions, where a file of them is given. */
  askedProblems: 16,
  testProblems: 20,
  /** Solved questions that a specialist learns from. */
  taughtPerFamily: 160,
  /** Solved questions in front of each question to the base model. */
  shownPerFamily: 2,
  samples: 4,
  temperature: 0.6,
  sftShare: 0.4,
  batch: 8,
  specialistSteps: 32,
  sftSteps: 20,
  preferenceSteps: 12,
  sftRate: 1e-3,
  preferenceRate: 2e-4,
  /** Of mean log-ratios, as FuseChat-3.0 has it. */
  beta: 10,
} as const;

export interface QuestionSets {
  readonly test: readonly Question[];
  /** Answered by the sources, to train on. */
  readonly asked: readonly Question[];
  readonly taught: readonly Question[];
  readonly shown: readonly Question[];
}

export interface ExperimentPaths {
  readonly folder: string;
  readonly seed: number;
  readonly smollm2: string;
  readonly gemma3: string;
}

/** Greedy answers to the test questions. */
export interface Measured {
  readonly arm: string;
  readonly kind: "source" | "trained";
  /** One character a question, "1" where the answer is right. */
  readonly right: string;
  readonly steps: number;
  readonly examples: number;
}

const UNTOUCHED = "SmolLM2-135M-Instruct";
const BASE = "Gemma-3-270M, few-shot";
const SPECIALISTS = FAMILIES.map((family) => `specialist: ${family}`);
export const SOURCES: readonly string[] = [UNTOUCHED, BASE, ...SPECIALISTS];

export class Experiment {
  readonly sets: QuestionSets;
  readonly measured: Measured[] = [];
  /** Sampled answers by source, in the order of {@link SOURCES}: of every question, all samples. */
  readonly answers: string[][][] = [];
  readonly drops: Record<string, Readonly<Record<string, number>>> = {};
  readonly pairs: Record<string, number> = {};
  private readonly paths: ExperimentPaths;
  private readonly backend = createOrtBackend({ threads: 1 });
  private opened: ChatModel | undefined;

  constructor(paths: ExperimentPaths, sets: QuestionSets) {
    this.paths = paths;
    this.sets = sets;
  }

  private get target(): ChatModel {
    this.opened ??= openChatModel(this.paths.smollm2);
    return this.opened;
  }

  /** Every source's samples of the asked questions and its greedy answers to the test. */
  async askSources(): Promise<void> {
    const untouched = await this.source(UNTOUCHED, 0, async (questions, asking, onAnswer) =>
      askChat(this.target, questions, asking, onAnswer),
    );
    const base = await this.source(BASE, 0, async (questions, asking, onAnswer) =>
      askByExample(this.paths.gemma3, this.sets.shown, questions, asking, onAnswer),
    );
    this.answers.push(untouched, base);
    for (const [family, name] of SPECIALISTS.entries()) {
      let specialist: ChatModel | undefined;
      const answers = await this.source(name, SIZES.specialistSteps, async (questions, asking, onAnswer) => {
        specialist ??= await this.specialist(name, family);
        return askChat(specialist, questions, asking, onAnswer);
      });
      this.answers.push(answers);
    }
  }

  private async specialist(name: string, family: number): Promise<ChatModel> {
    const solved = this.sets.taught
      .filter((question) => question.family === family)
      .map((question) => ({ id: question.id, question, answer: question.solution }));
    return this.training(name, SIZES.specialistSteps, SIZES.sftRate, (stage) =>
      imitate(this.target, solved, stage),
    );
  }

  private async source(
    name: string,
    steps: number,
    ask: (questions: readonly Question[], asking: Asking, onAnswer: () => void) => Promise<string[][]>,
  ): Promise<string[][]> {
    const { seed } = this.paths;
    const index = SOURCES.indexOf(name);
    const { samples, temperature } = SIZES;
    const sampled = await kept(this.file(name, "answers"), () =>
      this.counted(`${name}: sampling`, this.sets.asked.length, (onAnswer) =>
        ask(this.sets.asked, { samples, temperature, seed: 10 * seed + index }, onAnswer),
      ),
    );
    await this.measure(name, "source", steps, 0, ask);
    return sampled;
  }

  private async measure(
    arm: string,
    kind: Measured["kind"],
    steps: number,
    examples: number,
    ask: (questions: readonly Question[], asking: Asking, onAnswer: () => void) => Promise<string[][]>,
  ): Promise<void> {
    const { test } = this.sets;
    const given = await kept(this.file(arm, "test"), () =>
      this.counted(`${arm}: test`, test.length, (onAnswer) =>
        ask(test, { temperature: 0, samples: 1, seed: 0 }, onAnswer),
      ),
    );
    const right = given.map(([text], index) => (isRight(test[index]!, text!) ? "1" : "0")).join("");
    this.measured.push({ arm, kind, right, steps, examples });
  }

  /** Fused models, and single-source distillation with as many steps. */
  async train(): Promise<void> {
    const { sftSteps, preferenceSteps, sftShare, sftRate, preferenceRate, beta } = SIZES;
    const order = permutation(this.sets.asked.length, { seed: this.paths.seed, stream: streamOf("split") });
    const all = this.groups();
    const groups = Array.from(order, (index) => all[index]!);
    const cut = Math.round(sftShare * groups.length);
    const right = bestCorrectAnswer();
    const forSft = await this.chosen("fused SFT", right, groups.slice(0, cut));
    const pairs = await this.chosen("same source", sameSourcePairs({ isVerified: true }), groups.slice(cut));
    const every = await this.chosen("fused SFT, all questions", right, groups);

    const sft = (
      arm: string,
      rows: readonly SelectedRow[],
      steps: number,
      base = (): ChatModel => this.target,
    ) =>
      this.arm(arm, steps, rows.length, () =>
        // Who has no right answer teaches nothing.
        rows.length === 0
          ? Promise.resolve(base())
          : this.training(arm, steps, sftRate, (stage) => imitate(base(), solvedOf(rows), stage)),
      );
    const fused = await sft("fused SFT", forSft, sftSteps);
    const objective = directPreference({ loss: "sigmoid", beta, isLengthNormalised: true });
    const preferred = pairs.map(({ group, answer, rejected }) => ({
      id: group.id,
      question: questionOf(group),
      chosen: answer.text,
      rejected: rejected!.text,
    }));
    const aligned = "fused SFT + LN-DPO";
    await this.arm(aligned, sftSteps + preferenceSteps, pairs.length, async () => {
      const start = await fused();
      if (preferred.length === 0) return start;
      return this.training(aligned, preferenceSteps, preferenceRate, (stage) =>
        prefer(start, preferred, objective, stage),
      );
    });
    await sft("fused SFT, all questions", every, sftSteps + preferenceSteps);
    for (const source of SOURCES) {
      const own = groups.map((group) => ({
        ...group,
        answers: group.answers.filter((answer) => answer.source === source),
      }));
      const rows = await this.chosen(`single: ${source}`, right, own);
      await sft(`single: ${source}`, rows, sftSteps + preferenceSteps);
    }
  }

  /** Trains where it has not been measured; what comes back trains, or reads the checkpoint, when called. */
  private async arm(
    arm: string,
    steps: number,
    examples: number,
    train: () => Promise<ChatModel>,
  ): Promise<() => Promise<ChatModel>> {
    let trained: Promise<ChatModel> | undefined;
    const model = (): Promise<ChatModel> => {
      trained ??= train();
      return trained;
    };
    await this.measure(arm, "trained", steps, examples, async (questions, asking, onAnswer) =>
      askChat(await model(), questions, asking, onAnswer),
    );
    return model;
  }

  private async training(
    name: string,
    steps: number,
    learningRate: number,
    run: (stage: Stage) => Promise<ChatModel>,
  ): Promise<ChatModel> {
    return this.counted(`${name}: training`, steps, (_, progress) =>
      run({
        folder: this.folder(name),
        seed: this.paths.seed,
        steps,
        batch: SIZES.batch,
        learningRate,
        backend: this.backend,
        onStep: (step, loss) => progress.update(step, `loss ${loss.toFixed(3)}`),
      }),
    );
  }

  private async counted<T>(
    label: string,
    total: number,
    run: (onOne: () => void, progress: Progress) => Promise<T>,
  ): Promise<T> {
    const progress = createProgress(process.stderr, { label, total, unit: "done" });
    let done = 0;
    const result = await run(() => progress.update(++done), progress);
    progress.finish();
    return result;
  }

  private async chosen(name: string, selector: Selector, groups: readonly JudgedGroup[]) {
    const selection = await select(selector, groups);
    this.drops[name] = selection.drops;
    if (selector.gives === "pairs") this.pairs[name] = selection.rows.length;
    return selection.rows;
  }

  /** Sampled answers with a verifier's score, and a draw that chooses among equally right ones. */
  groups(): JudgedGroup[] {
    const draws = new RandomStream({ seed: this.paths.seed, stream: streamOf("ties") });
    return this.sets.asked.map((question, index) => ({
      promptKey: question.id,
      id: question.id,
      domain: FAMILIES[question.family]!,
      messages: conversationOf(question),
      answers: SOURCES.flatMap((source, place) =>
        this.answers[place]![index]!.map((text, sample) => {
          const isCorrect = isRight(question, text);
          return {
            key: `${question.id}/${place}/${sample}`,
            source,
            text,
            status: text === "" ? ("empty" as const) : ("ok" as const),
            score: Number(isCorrect) + 0.01 * draws.nextUniform(),
            isCorrect,
            finalAnswer: null,
          };
        }),
      ),
    }));
  }

  private folder(name: string): string {
    return join(this.paths.folder, name.replaceAll(/[^A-Za-z0-9]+/g, "-"));
  }

  private file(name: string, what: string): string {
    return join(this.folder(name), `${what}.json`);
  }
}

const questionOf = ({ messages }: JudgedGroup) => ({ text: messages.at(-1)!.content as string });

const solvedOf = (rows: readonly SelectedRow[]) =>
  rows.map(({ group, answer }) => ({ id: group.id, question: questionOf(group), answer: answer.text }));
