import { expect, test } from "vitest";
import type { Router } from "../router.ts";
import { exportAgreement } from "./agreement.ts";

const queries = Array.from({ length: 300 }, (_, index) => ({ id: `${index}`, prompt: `${index}` }));

/** Scores 1, 0 for even prompts and 0, 1 for odd ones, then changed. */
const router = (change: (row: number[], index: number) => number[] = (row) => row): Router => ({
  name: "even",
  candidates: ["a", "b"],
  scores: async (asked) =>
    asked.map(({ prompt }) => {
      const index = Number(prompt);
      return Float64Array.from(change(index % 2 === 0 ? [1, 0] : [0, 1], index));
    }),
});

test("a constant on a prompt's scores changes nothing", async () => {
  const shifted = router((row, index) => row.map((score) => score + index));
  expect(await exportAgreement(shifted, router(), queries)).toEqual({
    prompts: 300,
    sameChoiceShare: 1,
    relativeError: 0,
  });
});

test("choices that differ and errors are counted over all prompts", async () => {
  const tripled = router((row) => row.map((score) => 3 * score));
  expect((await exportAgreement(tripled, router(), queries)).relativeError).toBeCloseTo(2, 12);
  const flat = router(() => [0, 0]);
  expect((await exportAgreement(router(), flat, queries)).relativeError).toBe(Number.POSITIVE_INFINITY);
  expect((await exportAgreement(flat, flat, queries)).relativeError).toBe(0);
  const turned = router((row, index) => (index < 30 ? row.toReversed() : row));
  const { sameChoiceShare, relativeError } = await exportAgreement(turned, router(), queries);
  expect(sameChoiceShare).toBeCloseTo(0.9, 12);
  expect(relativeError).toBeCloseTo(Math.sqrt(0.1 * 4), 12);
});

test("other candidates and no prompts are refused", async () => {
  const other: Router = { ...router(), candidates: ["b", "a"] };
  await expect(exportAgreement(other, router(), queries)).rejects.toThrow(
    "the exported router scores b, a; even scores a, b",
  );
  await expect(exportAgreement(router(), router(), [])).rejects.toThrow(/no prompts/);
});
