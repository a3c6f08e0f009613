/**
 * Makes `prompts.jsonl` of the tutorial: arithmetic word problems of MAWPS with their answers, and small instructions with constraints that a
 * program can check.
 *
 *   npx tsx examples/tutorial/make-prompts.ts --mawps mawps-test.jsonl.gz --out examples/tutorial/prompts.jsonl
 *
 * MAWPS rows are `{input, target, type}`, one JSON object a line.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { INSTRUCTIONS, TOPICS } from "./instructions.ts";

const SUMS = 120;
/** Share of the prompts that routers learn from. */
const TRAIN_SHARE = 0.7;
const LONGEST_SUM = 200;

interface MawpsRow {
  readonly input: string;
  readonly target: number;
  readonly type: string;
}

/** A number from 0 to 1 that belongs to the text. */
const shareOf = (text: string): number =>
  createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32;
const splitOf = (prompt: string): string => (shareOf(`split ${prompt}`) < TRAIN_SHARE ? "train" : "test");

function sums(path: string): object[] {
  const text = gunzipSync(readFileSync(path)).toString("utf8");
  const rows = text.split("\n").filter((line) => line !== "");
  const known = new Set<string>();
  return rows
    .map((line) => JSON.parse(line) as MawpsRow)
    .filter(({ input }) => !known.has(input) && known.add(input))
    .filter(({ input, target, type }) => {
      return type === "singleop" && Number.isInteger(target) && input.length <= LONGEST_SUM;
    })
    .sort((a, b) => shareOf(a.input) - shareOf(b.input))
    .slice(0, SUMS)
    .map(({ input, target }, index) => ({
      id: `sum-${String(index + 1).padStart(3, "0")}`,
      domain: "sums",
      split: splitOf(input),
      prompt: input,
      reference: { answer: String(target) },
    }));
}

function instructions(): object[] {
  return INSTRUCTIONS.flatMap(({ name, text, constraints }) =>
    TOPICS.map((topic, index) => {
      const prompt = text(topic);
      const id = `${name}-${String(index + 1).padStart(2, "0")}`;
      return { id, domain: "instructions", split: splitOf(prompt), prompt, reference: { constraints } };
    }),
  );
}

const { values } = parseArgs({ options: { mawps: { type: "string" }, out: { type: "string" } } });
if (values.mawps === undefined || values.out === undefined) throw new Error("--mawps and --out are needed");
const prompts = [...sums(values.mawps), ...instructions()];
writeFileAtomic(values.out, `${prompts.map((row) => JSON.stringify(row)).join("\n")}\n`);
