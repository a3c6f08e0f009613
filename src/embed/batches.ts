/** Which texts run together. */

/**
 * Rows of one length run together, so that nothing is padded and nothing masked: on a CPU a run of a single text of 24
 * tokens already multiplies as fast as a large one, and masks cost a third of the attention.
 *
 * @param lengths tokens of each text
 * @param tokensPerRun rows of a batch times their length stay below this, but for single texts that are longer
 * @returns indices into `lengths`, longest first; texts of length 0 are left out
 */
export function equalLengthBatches(lengths: readonly number[], tokensPerRun: number): number[][] {
  const byLength = new Map<number, number[]>();
  for (const [index, length] of lengths.entries()) {
    const members = byLength.get(length);
    if (members) members.push(index);
    else byLength.set(length, [index]);
  }
  byLength.delete(0);
  const batches: number[][] = [];
  for (const [length, members] of [...byLength].sort(([a], [b]) => b - a)) {
    const rows = Math.max(1, Math.floor(tokensPerRun / length));
    for (let start = 0; start < members.length; start += rows)
      batches.push(members.slice(start, start + rows));
  }
  return batches;
}
