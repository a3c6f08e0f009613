/** What one process has judged. */
import type { ResponseRow } from "../../judged/index.ts";
import type { TuttiError } from "../../support/errors.ts";
import type { Verdict } from "../judge.ts";

export interface ModelTally {
  readonly model: string;
  /** Verdicts by word. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Mean of the scores; null where no verdict had one. */
  readonly meanScore: number | null;
}

/** A kind of failure, with the words of the first. */
export interface FailureTally {
  readonly code: string;
  readonly count: number;
  readonly example: string;
}

class Mean {
  readonly verdicts: Record<string, number> = {};
  #sum = 0;
  #count = 0;

  add({ verdict, score }: Verdict): void {
    this.verdicts[verdict] = (this.verdicts[verdict] ?? 0) + 1;
    if (score === null) return;
    this.#sum += score;
    this.#count++;
  }

  get score(): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count;
  }
}

export class Tally {
  readonly #models = new Map<string, Mean>();
  readonly #failures = new Map<string, { count: number; example: string }>();

  /** Comparisons count for both models together. */
  addVerdict(answers: readonly ResponseRow[], verdict: Verdict): void {
    const name = answers.map(({ model }) => model).join(" : ");
    const mean = this.#models.get(name) ?? new Mean();
    this.#models.set(name, mean);
    mean.add(verdict);
  }

  addFailure({ code, message }: TuttiError): void {
    const known = this.#failures.get(code) ?? { count: 0, example: message };
    this.#failures.set(code, { ...known, count: known.count + 1 });
  }

  /** By name. */
  get models(): ModelTally[] {
    return [...this.#models]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([model, mean]) => ({ model, verdicts: mean.verdicts, meanScore: mean.score }));
  }

  get failures(): FailureTally[] {
    return [...this.#failures].map(([code, failure]) => ({ code, ...failure }));
  }
}
