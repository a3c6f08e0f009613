/** Nearest-name suggestions for misspelt options, fields and model names. */

/** Levenshtein distance between two strings, in edits. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Names longer than this are no misspellings, and the distance costs the product of both lengths. */
const LONGEST_NAME = 200;

/** `did you mean "x"?` for the closest known name within a third of its length, else an empty string. */
export function didYouMean(received: string, known: readonly string[]): string {
  if (received.length > LONGEST_NAME) return "";
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const name of known) {
    if (name.length > LONGEST_NAME) continue;
    const distance = editDistance(received.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  if (best === undefined || bestDistance > Math.max(2, best.length / 3)) return "";
  return `did you mean "${best}"?`;
}
