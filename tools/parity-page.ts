/**
 * Runs the parity tests and writes docs/parity.md from what they observed:
 *
 *   npx tsx tools/parity-page.ts [--observations FILE.jsonl]
 *
 * With --observations the tests are not run; the file is one that they wrote under TUTTI_PARITY_REPORT. Comparisons with
 * real weights are on the page where the files are there: npx tsx tools/fetch-models.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import type { ParityObservation, Tolerance } from "../test/support/parity-report.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "docs/parity.md");

/** What the tests of a model compare, in the order of the table. */
const COLUMNS = [
  "states",
  "logits",
  "loss",
  "gradients",
  "losses of ten steps",
  "gradient norms of ten steps",
  "parameters after ten steps",
] as const;
type Column = (typeof COLUMNS)[number];

const SECTIONS: Readonly<Record<string, string>> = {
  models: "BERT and Llama",
  encoders: "Encoders",
  decoders: "Decoders",
  seq2seq: "Encoder-decoders",
  lora: "Adapters",
};
const FAMILIES: Readonly<Record<string, string>> = {
  bert: "BERT",
  modernbert: "ModernBERT",
  gpt2: "GPT-2",
  gemma2: "Gemma 2",
  gemma3: "Gemma 3",
  t5: "T5",
  lora: "LoRA",
  rslora: "rank-stabilised LoRA",
  dora: "DoRA",
};

const unquoted = (title: string): string => title.replaceAll("'", "");
const title = ({ test }: ParityObservation): string => test.at(-1) ?? "";
const isStep = ({ test }: ParityObservation): boolean =>
  / steps?\b.* through the training loop/.test(test.join(" > "));
const isModel = (observation: ParityObservation): boolean =>
  isStep(observation) || /logits, loss and every gradient/.test(title(observation));
const isReference = ({ test }: ParityObservation): boolean => unquoted(test[0] ?? "") === "reference";
const caseOf = (observation: ParityObservation): string => unquoted(title(observation)).split(":")[0]!;

function familyOf(name: string): string {
  const family = name.replace(/^tiny-/, "").split("-")[0]!;
  return FAMILIES[family] ?? family[0]!.toUpperCase() + family.slice(1);
}

/** Parameters have dots in their names; states are called many things. */
function columnOf(observation: ParityObservation): Column {
  const { label } = observation;
  if (isStep(observation)) {
    if (label === "losses" || label === "loss") return "losses of ten steps";
    return label === "norms" || label === "gradientNorm"
      ? "gradient norms of ten steps"
      : "parameters after ten steps";
  }
  if (label === "logits" || label === "loss") return label;
  return label.includes(".") ? "gradients" : "states";
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const number = (value: number): string => (value === 0 ? "0" : value.toExponential(0));
const percent = (share: number): string =>
  share > 0 && share < 0.01 ? "< 1 %" : `${Math.ceil(100 * share)} %`;
const largest = (
  observations: readonly ParityObservation[],
  key: "largestError" | "shareOfTolerance",
): number => observations.reduce((most, observation) => Math.max(most, observation[key]), 0);
const cell = (observations: readonly ParityObservation[]): string =>
  observations.length === 0
    ? ""
    : `${number(largest(observations, "largestError"))} (${percent(largest(observations, "shareOfTolerance"))})`;

function toleranceOf({ absolute, relative }: Tolerance): string {
  const parts = [absolute > 0 && number(absolute), relative > 0 && `${number(relative)} \\|x\\|`];
  return parts.filter(Boolean).join(" + ");
}
const tolerances = (observations: readonly ParityObservation[]): string =>
  [...new Set(observations.map(({ tolerance }) => toleranceOf(tolerance)))].sort().join(" or ");

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

/** One row a recorded case, one column a quantity; the last row is what is allowed. */
function modelSection(name: string, observations: readonly ParityObservation[]): string {
  const shipped = observations.filter((observation) => !isReference(observation));
  const cases = [...groupBy(shipped, caseOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  const inColumn = (own: readonly ParityObservation[], column: Column) =>
    own.filter((observation) => columnOf(observation) === column);
  const rows = cases.map(([caseName, own]) => [
    familyOf(caseName),
    caseName,
    ...COLUMNS.map((column) => cell(inColumn(own, column))),
  ]);
  const allowed = ["allowed", "", ...COLUMNS.map((column) => tolerances(inColumn(shipped, column)))];
  const exact = observations.filter(isReference);
  const interpreted =
    exact.length === 0
      ? []
      : [
          `The same in the float64 interpreter: at most ${percent(largest(exact, "shareOfTolerance"))} of what is allowed.`,
        ];
  return [
    `## ${SECTIONS[name] ?? name}`,
    table(["family", "case", ...COLUMNS], [...rows, allowed]),
    ...interpreted,
  ].join("\n\n");
}

/** Everything else: a row for what each test file groups. */
function otherSection(observations: readonly ParityObservation[]): string {
  const groups = groupBy(observations, ({ file, test }) => `${file}\n${unquoted(test[0] ?? "")}`);
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, own]) => [...key.split("\n"), String(own.length), cell(own), tolerances(own)]);
  return [
    "## Losses, optimisers and the rest",
    table(["test file", "compared", "comparisons", "largest error", "allowed"], rows),
  ].join("\n\n");
}

const INTRODUCTION = `
What the tests of \`test/parity\` observed against runs recorded from PyTorch, transformers, peft and llama.cpp
(\`fixtures/\`, made by \`tools/fixtures/\`): ONNX Runtime on the CPU, float32, one thread. A cell is the largest absolute
error of any element and, in brackets, the largest share of its tolerance that any element takes (a test fails above
100 %); \`x\` is the recorded value, an empty cell was not recorded. Most recordings were made in float64;
\`fixtures/manifest.json\` says which, and how far PyTorch's own float32 is from them. Rows with real weights are there
where the weights were (\`npx tsx tools/fetch-models.ts\`).

Losses of preference training, merges, routers and tokenizers have tests there too, and no rows here.

Made by \`npx tsx tools/parity-page.ts\`. Last digits depend on the machine.`.trim();

export function renderParityPage(observations: readonly ParityObservation[]): string {
  const models = groupBy(observations.filter(isModel), ({ file }) => file);
  const others = observations.filter((observation) => !isModel(observation));
  const sections = [...models]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, own]) => modelSection(name, own));
  return `${["# Parity with PyTorch and transformers", INTRODUCTION, ...sections, otherSection(others)].join(
    "\n\n",
  )}\n`;
}

function observe(): string {
  const folder = mkdtempSync(join(tmpdir(), "tutti-parity-page-"));
  const path = join(folder, "observations.jsonl");
  try {
    const vitest = ["vitest", "run", "test/parity", "--maxWorkers=1"];
    const environment = { ...process.env, TUTTI_PARITY_REPORT: path };
    const { status } = spawnSync("npx", vitest, { cwd: ROOT, env: environment, stdio: "inherit" });
    if (status !== 0) throw new Error("the parity tests fail: no page is written");
    return readFileSync(path, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { observations: { type: "string" } } });
  const lines = values.observations === undefined ? observe() : readFileSync(values.observations, "utf8");
  const observations = lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ParityObservation);
  writeFileAtomic(PAGE, renderParityPage(observations));
  console.log(`${observations.length} comparisons: ${PAGE}`);
}
