/** An ensemble of routers whose scores have no common scale. */
import { type JudgedRecord, promptText } from "../../src/judged/index.ts";
import type { Router, RoutingQuery } from "../../src/routing/router.ts";

/** Prompts by which the members' scales are measured. */
const SCALE_PROMPTS = 500;

const centred = (row: Float64Array): Float64Array => {
  const mean = row.reduce((sum, score) => sum + score, 0) / row.length;
  return row.map((score) => score - mean);
};

const deviation = (row: Float64Array): number =>
  Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / row.length);

/**
 * The mean of the members' scores, each less its prompt's mean and divided by its member's mean deviation within a prompt.
 * The scales come from training prompts and from no label.
 */
export async function averagedScores(
  name: string,
  members: readonly Router[],
  records: readonly JudgedRecord[],
): Promise<Router & { dispose(): Promise<void> }> {
  // Records lie in the order of their benchmarks: every n-th covers all of them.
  const stride = Math.ceil(records.length / SCALE_PROMPTS);
  const queries = records
    .filter((_, index) => index % stride === 0)
    .map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));
  const scales: number[] = [];
  for (const member of members) {
    const rows = await member.scores(queries);
    scales.push(rows.reduce((sum, row) => sum + deviation(centred(row)), 0) / rows.length || 1);
  }
  const { candidates } = members[0]!;
  return {
    name,
    candidates,
    async scores(asked: readonly RoutingQuery[]) {
      const sums = asked.map(() => new Float64Array(candidates.length));
      for (const [index, member] of members.entries()) {
        for (const [prompt, row] of (await member.scores(asked)).entries()) {
          for (const [column, value] of centred(row).entries()) {
            sums[prompt]![column]! += value / scales[index]! / members.length;
          }
        }
      }
      return sums;
    },
    async dispose() {
      for (const member of members) {
        if ("dispose" in member) await (member as { dispose(): Promise<void> }).dispose();
      }
    },
  };
}
