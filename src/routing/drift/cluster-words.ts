/** Words that tell one group of prompts from others. */

const WORD = /\p{L}{3,}/gu;
/** Counts as this much of a prompt, so that words which the others lack do not all tie. */
const SMOOTHING = 0.01;

const wordsOf = (prompt: string): Set<string> => new Set(prompt.toLowerCase().match(WORD) ?? []);

function documentShares(prompts: readonly string[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const prompt of prompts) {
    for (const word of wordsOf(prompt)) shares.set(word, (shares.get(word) ?? 0) + 1 / prompts.length);
  }
  return shares;
}

/** The words with the largest p log(p / q): p and q the shares of prompts in the group and among the others with it. */
export function characteristicWords(
  group: readonly string[],
  others: readonly string[],
  count: number,
): string[] {
  const background = documentShares(others);
  return [...documentShares(group)]
    .map(([word, share]) => ({
      word,
      weight: share * Math.log((share + SMOOTHING) / ((background.get(word) ?? 0) + SMOOTHING)),
    }))
    .sort((a, b) => b.weight - a.weight || (a.word < b.word ? -1 : 1))
    .slice(0, count)
    .map(({ word }) => word);
}
