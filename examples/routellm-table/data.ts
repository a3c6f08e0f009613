/** Rows of the RouteLLM and LLMRouter files: scores of models without their answers. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import type { JudgedRecord } from "../../src/judged/index.ts";
import { TuttiError } from "../../src/support/errors.ts";

const rowSchema = z.object({
  id: z.string(),
  subject: z.string(),
  prompt: z.string(),
  contaminated: z.boolean().optional(),
  split: z.string().optional(),
  in_train: z.boolean().optional(),
  candidates: z.record(z.string(), z.object({ score: z.number() })),
});

/**
 * Records with the subject as benchmark: a router may learn subjects in training and is not told them in the test.
 * Left out: prompts that RouteLLM's evaluation leaves out as contaminated, and test prompts of LLMRouter that are in its
 * training data too.
 */
export function readScoredPrompts(path: string): JudgedRecord[] {
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trim().split("\n");
  return lines.flatMap((line, index) => {
    const parsed = rowSchema.safeParse(JSON.parse(line));
    if (!parsed.success) {
      throw new TuttiError("RECORD_INVALID", `${path}:${index + 1}: ${parsed.error.issues[0]!.message}`);
    }
    const { id, subject, prompt, contaminated, split, in_train, candidates } = parsed.data;
    if (contaminated === true || in_train === true) return [];
    const judged = Object.entries(candidates).map(
      ([name, { score }]) => [name, { response: "", score }] as const,
    );
    return [
      {
        id,
        benchmark: subject,
        prompt,
        candidates: Object.fromEntries(judged),
        ...(split !== undefined && { split }),
      },
    ];
  });
}
