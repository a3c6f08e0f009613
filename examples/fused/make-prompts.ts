/**
 * Makes the prompts of this folder: small sums and conversions whose answers a program knows, and instructions whose constraints it checks. Each
 * file has a purpose of its own, so that nothing that the fused model learned from is asked again:
 *
 *   npx tsx examples/fused/make-prompts.ts
 *
 * `fuse-*.jsonl` are fused on, `route.jsonl` is what the router learns from, `test-*.jsonl` are for both to be measured on.
 */
import { join } from "node:path";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { permutation, streamOf } from "../../src/tensor/random.ts";
import { drawQuestions } from "../fusion-real/tasks.ts";
import { INSTRUCTIONS, TOPICS } from "../tutorial/instructions.ts";

const SEED = 0;
const PURPOSES = ["fuse", "route", "test"] as const;
type Purpose = (typeof PURPOSES)[number];

/** Prompts of a purpose: sums in words, conversions of units, instructions. */
const COUNTS: Readonly<Record<Purpose, readonly [sums: number, conversions: number, instructions: number]>> =
  {
    fuse: [48, 24, 60],
    route: [48, 24, 60],
    test: [32, 16, 40],
  };
const [ARITHMETIC, UNITS] = [0, 2];

const MORE_TOPICS = [
  ...["a bridge", "the desert", "a clock tower", "tea", "a thunderstorm", "a kite", "an attic", "a ferry"],
  ...[
    "a chess game",
    "snow",
    "a beehive",
    "the night sky",
    "a pair of shoes",
    "a mountain path",
    "honey",
    "a mirror",
  ],
  ...["an orchard", "a letter", "the wind", "a museum", "a candle", "a river", "a tailor", "an old map"],
];

interface Row {
  readonly id: string;
  readonly domain: "sums" | "instructions";
  readonly split: "train" | "test";
  readonly prompt: string;
  readonly reference: object;
}

const taken = new Set<string>();
const sums = (purpose: Purpose): Row[] =>
  [ARITHMETIC, UNITS].flatMap((family, index) =>
    drawQuestions(purpose, family, COUNTS[purpose][index]!, SEED, taken).map(({ id, text, answer }) => ({
      id,
      domain: "sums",
      split: purpose === "test" ? "test" : "train",
      prompt: text,
      reference: { answer },
    })),
  );

const everyInstruction = INSTRUCTIONS.flatMap(({ name, text, constraints }) =>
  [...TOPICS, ...MORE_TOPICS].map((topic) => ({ name, prompt: text(topic), constraints })),
);
const order = permutation(everyInstruction.length, { seed: SEED, stream: streamOf("instructions") });
let next = 0;
const instructions = (purpose: Purpose): Row[] =>
  Array.from({ length: COUNTS[purpose][2] }, (_, index) => {
    const { name, prompt, constraints } = everyInstruction[order[next++]!]!;
    return {
      id: `${purpose}-${name}-${index}`,
      domain: "instructions",
      split: purpose === "test" ? "test" : "train",
      prompt,
      reference: { constraints },
    };
  });

const write = (name: string, rows: readonly Row[]): void =>
  writeFileAtomic(
    join(import.meta.dirname, `${name}.jsonl`),
    `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`,
  );

for (const purpose of PURPOSES) {
  const [numbers, texts] = [sums(purpose), instructions(purpose)];
  if (purpose === "route") write(purpose, [...numbers, ...texts]);
  else {
    write(`${purpose}-sums`, numbers);
    write(`${purpose}-instructions`, texts);
  }
}
