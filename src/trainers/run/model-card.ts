/** The README.md of a trained model: what it is, and everything that it was made from. */
import { version } from "../../support/version.ts";
import type { PreparedRun } from "./prepared-run.ts";
import type { FinishedRun } from "./run-training.ts";
import type { RunSettings } from "./settings.ts";
import type { Measured } from "./validation.ts";

const KINDS = {
  sft: "supervised fine-tuning on responses",
  dpo: "preference optimisation",
  reward: "reward modelling",
} as const;

const number = (value: number): string => String(Number(value.toPrecision(5)));

function table(rows: readonly (readonly [string, unknown])[]): string[] {
  return ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${String(value)} |`)];
}

const flattened = (object: object): [string, unknown][] =>
  Object.entries(object).map(([name, value]) => [
    name,
    typeof value === "object" && value !== null ? `\`${JSON.stringify(value)}\`` : value,
  ]);

const measuredRows = (label: string, { loss, metrics }: Measured): [string, string][] => [
  [`${label}, loss`, number(loss)],
  ...Object.entries(metrics).map(([name, value]): [string, string] => [`${label}, ${name}`, number(value)]),
];

const shownReasons = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ") || "none";

/** Scores are means over the answers to the same prompts before training and after. */
function scoredLines({ facts, before, kept }: NonNullable<FinishedRun["scored"]>): string[] {
  const names = Object.keys(kept.figures);
  const cells = (name: string): string =>
    [before, kept]
      .map(({ figures }) => (figures[name] === undefined ? "" : number(figures[name])))
      .join(" | ");
  return [
    "## Chosen by generated answers",
    "",
    "The parameters kept are those with the highest mean score of greedy answers during training.",
    "",
    ...table(flattened(facts)),
    "",
    "| | before training | kept |",
    "|---|---|---|",
    ...names.map((name) => `| ${name} | ${cells(name)} |`),
    "",
  ];
}

/** Markdown with the front matter that model hubs read. */
export function modelCard({ facts }: PreparedRun, finished: FinishedRun, settings: RunSettings): string {
  const { base, examples, evaluationExamples, cut, dropped, evaluationDropped, pipeline } = facts;
  const { learningRate, weightDecay, optimizer, schedule, warmupShare, maxGradientNorm } = settings;
  const { seed, epochs, batch, maxTokens, adapter } = settings;
  const lines = [
    "---",
    `base_model: ${JSON.stringify(pipeline?.baseModel ?? base.name)}`,
    "library_name: transformers",
    `pipeline_tag: ${facts.kind === "reward" ? "text-classification" : "text-generation"}`,
    `tags: [tutti, ${facts.kind}]`,
    "---",
    "",
    `# ${pipeline?.title ?? `${base.name}, ${KINDS[facts.kind]}`}`,
    "",
    `Made by Tutti ${version} with \`${pipeline?.command ?? `tutti train ${facts.kind}`}\`.`,
    "",
    "## Made from",
    "",
    ...table([
      ...(pipeline?.rows ?? []),
      [pipeline ? "this stage began with" : "base model", base.name],
      ["SHA-256 of its weights in float32", `\`${base.digest}\``],
      ...facts.files.map(({ name, sha256 }): [string, string] => [`data: ${name}`, `\`${sha256}\``]),
      ["examples", examples],
      ["held-out examples", evaluationExamples],
      ["answers cut to the length allowed", cut],
      ["examples left out", shownReasons(dropped)],
      ...(evaluationExamples > 0
        ? [["held-out examples left out", shownReasons(evaluationDropped)] as const]
        : []),
    ]),
    "",
    "## Objective",
    "",
    ...table(flattened(facts.objective)),
    "",
    "## Training",
    "",
    ...table([
      ["steps", finished.steps],
      ...flattened({ seed, epochs, batch, maxTokens, learningRate, weightDecay, optimizer, schedule }),
      ...flattened({ warmupShare, maxGradientNorm, adapter: adapter ?? "none: all weights" }),
    ]),
    "",
    "## Results",
    "",
    ...table([
      ...measuredRows("training, last tenth of the steps", finished.training),
      ...(finished.best ? [["parameters kept from step", finished.best.step] as const] : []),
      ...(finished.held ? measuredRows("held out", finished.held) : []),
    ]),
    "",
    ...(finished.scored ? scoredLines(finished.scored) : []),
  ];
  return lines.join("\n");
}
