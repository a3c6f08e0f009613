/** How many prompts somebody can answer: what fusion could gain at most over the best source. */
import type { JudgedGroup } from "../../judged/index.ts";

export interface Coverage {
  /** Prompts with a verdict. */
  readonly prompts: number;
  /** Source -> share of the prompts that it has a correct answer to. */
  readonly sources: Readonly<Record<string, number>>;
  /** Source -> share of its answers that are correct. */
  readonly accuracies: Readonly<Record<string, number>>;
  /** Share of the prompts that any source has a correct answer to. */
  readonly joint: number;
}

export function coverageOf() {
  let [prompts, joint] = [0, 0];
  const counts = new Map<string, { covered: number; answers: number; correct: number }>();
  return {
    add({ answers }: JudgedGroup): void {
      const verified = answers.filter(({ isCorrect }) => isCorrect !== null);
      if (verified.length === 0) return;
      prompts++;
      if (verified.some(({ isCorrect }) => isCorrect)) joint++;
      for (const source of new Set(verified.map((answer) => answer.source))) {
        const own = verified.filter((answer) => answer.source === source);
        const correct = own.filter(({ isCorrect }) => isCorrect).length;
        const count = counts.get(source) ?? { covered: 0, answers: 0, correct: 0 };
        counts.set(source, {
          covered: count.covered + (correct > 0 ? 1 : 0),
          answers: count.answers + own.length,
          correct: count.correct + correct,
        });
      }
    },
    result(): Coverage {
      const shares = (of: (count: { covered: number; answers: number; correct: number }) => number) =>
        Object.fromEntries([...counts].map(([source, count]) => [source, of(count)]));
      return {
        prompts,
        sources: shares(({ covered }) => covered / prompts),
        accuracies: shares(({ correct, answers }) => correct / answers),
        joint: prompts === 0 ? 0 : joint / prompts,
      };
    },
  };
}
