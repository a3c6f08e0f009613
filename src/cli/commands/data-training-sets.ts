/** `tutti data sft` and `tutti data pairs`: training sets out of judged responses. */
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { Command } from "commander";
import {
  bestAnswer,
  bestCorrectAnswer,
  crossSourcePairs,
  datasetInfo,
  formatSelectionReport,
  groupOfRecord,
  groupsOfStore,
  type JudgedGroup,
  leastNllAnswer,
  majorityAnswer,
  readJudgedRecords,
  renderSelectionPage,
  type Selection,
  type Selector,
  sameSourcePairs,
  select,
  selectionReport,
  selectionRows,
  shortestAboveMeanPairs,
  splitByPrompt,
  TRAINING_FORMATS,
  type TrainingFormat,
  trainingLines,
  wrpoTriples,
} from "../../judged/index.ts";
import { writeFileAtomic, writePartsAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { numberBetween, wholeNumber } from "../flags.ts";
import { printable, printResult, say } from "../io.ts";
import {
  addSourceOptions,
  checkSource,
  filteredRecords,
  oneOf,
  type SourceFlags,
  storeFilter,
  withStore,
} from "../judged-source.ts";

interface CommonFlags extends SourceFlags {
  readonly scorer?: string;
  readonly verifier?: string;
  readonly correctAt: number;
  readonly promptShare?: number;
  readonly rest?: true;
  readonly seed: number;
  readonly format: TrainingFormat;
  readonly out: string;
  readonly datasetInfo?: string;
  readonly json?: string;
  readonly html?: string;
  readonly record: boolean;
}

interface SftFlags extends CommonFlags {
  readonly select?: "best" | "correct" | "vote" | "min-nll";
  readonly leastShare: number;
}

const PAIR_RULES = ["same-source", "cross-source", "shortest-above-mean", "wrpo"] as const;

interface PairsFlags extends CommonFlags {
  readonly select: (typeof PAIR_RULES)[number];
  readonly target?: string;
  readonly leastGap: number;
  readonly mostGap: number;
  readonly sources: "largest-gap" | "first" | "all";
  readonly unverified?: true;
}

function common(command: Command): Command {
  return addSourceOptions(command)
    .option(
      "--scorer <name>",
      'judge in the store whose score counts, or field of the records (default "score")',
    )
    .option(
      "--verifier <name>",
      "judge in the store, or field of the records, that says whether an answer is correct",
    )
    .option(
      "--correct-at <score>",
      "verifier's scores from here on mean correct",
      numberBetween("--correct-at", -1e9, 1e9),
      1,
    )
    .option(
      "--prompt-share <share>",
      "only this share of the prompts, chosen by hash",
      numberBetween("--prompt-share", 0, 1),
    )
    .option("--rest", "with --prompt-share: the other prompts")
    .option("--seed <n>", "seed of that choice", wholeNumber("--seed", 0), 0)
    .option("--format <format>", TRAINING_FORMATS.join(", "), oneOf(TRAINING_FORMATS), "trl")
    .requiredOption("--out <file>", "training set (.jsonl or .jsonl.gz)")
    .option("--dataset-info <file>", "write LLaMA-Factory's entry for the training set (alpaca, sharegpt)")
    .option("--json <file>", "write the report as JSON")
    .option("--html <file>", "write the report as a self-contained page with plots")
    .option("--no-record", "do not write the decisions into the store");
}

export function dataSftCommand(): Command {
  return common(new Command("sft"))
    .summary("write a training set of the best answers")
    .description(
      "Keeps one answer a prompt. Every answer that is left out has a reason, and every row says where it is from.",
    )
    .option(
      "--select <rule>",
      "best, correct (then best), vote or min-nll (default: correct with a verifier, else best)",
      oneOf(["best", "correct", "vote", "min-nll"]),
    )
    .option(
      "--least-share <share>",
      "share of the votes that a majority needs",
      numberBetween("--least-share", 0, 1),
      0,
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti data sft --store runs/store.db --scorer armo --verifier mathematics \\\n    --prompt-share 0.4 --out sft.jsonl --html sft.html",
    )
    .action(async (flags: SftFlags) => {
      await run(flags, sftSelector(flags));
    });
}

export function dataPairsCommand(): Command {
  return common(new Command("pairs"))
    .summary("write a training set of chosen and rejected answers")
    .description(
      "Keeps pairs of answers to one prompt. With a verifier the chosen answer is correct and the rejected one wrong.",
    )
    .option(
      "--select <rule>",
      "same-source, cross-source, shortest-above-mean, or wrpo (triples for train dpo --loss wrpo)",
      oneOf(PAIR_RULES),
      "same-source",
    )
    .option("--target <model>", "wrpo: the model to be trained, whose own best and worst answer the pair is")
    .option("--least-gap <score>", "least difference of the scores", numberBetween("--least-gap", 0, 1e9), 0)
    .option(
      "--most-gap <score>",
      "largest difference of the scores",
      numberBetween("--most-gap", 0, Number.MAX_VALUE),
      Number.POSITIVE_INFINITY,
    )
    .option(
      "--sources <rule>",
      "same-source: which model gives the pair, largest-gap, first or all",
      oneOf(["largest-gap", "first", "all"]),
      "largest-gap",
    )
    .option("--unverified", "do not ask for a correct and a wrong answer although there is a verifier")
    .addHelpText(
      "after",
      "\nExample:\n  tutti data pairs --data judged.jsonl.gz --scorer reward --verifier score --least-gap 0.01 --most-gap 0.1 \\\n    --prompt-share 0.4 --rest --format sharegpt --out pairs.jsonl",
    )
    .action(async (flags: PairsFlags) => {
      checkTriples(flags);
      await run(flags, pairSelector(flags));
    });
}

function sftSelector({ select: rule, verifier, leastShare }: SftFlags): Selector {
  switch (rule ?? (verifier === undefined ? "best" : "correct")) {
    case "best":
      return bestAnswer();
    case "correct":
      return bestCorrectAnswer();
    case "vote":
      return majorityAnswer({ leastShare });
    case "min-nll":
      return leastNllAnswer();
  }
}

function pairSelector(flags: PairsFlags): Selector {
  const gap = { least: flags.leastGap, most: flags.mostGap };
  const isVerified = flags.verifier !== undefined && !flags.unverified;
  switch (flags.select) {
    case "same-source":
      return sameSourcePairs({ gap, isVerified, sources: flags.sources });
    case "cross-source":
      return crossSourcePairs({ gap, isVerified });
    case "shortest-above-mean":
      return shortestAboveMeanPairs({ gap });
    case "wrpo":
      return wrpoTriples({ gap, isVerified, target: flags.target! });
  }
}

function checkTriples({ select: rule, target, format }: PairsFlags): void {
  const refuse = (problem: string, hint: string): never => {
    throw new TuttiError("INVALID_ARGUMENT", problem, { hint });
  };
  if (rule !== "wrpo" && target !== undefined)
    refuse(`--target is for --select wrpo, received --select ${rule}`, "leave --target out");
  if (rule !== "wrpo") return;
  if (target === undefined)
    refuse("--select wrpo needs --target", "name the model that is to be trained, as its answers are named");
  if (format !== "trl")
    refuse(
      `triples are written as trl, received --format ${format}`,
      "leave --format out: LLaMA-Factory has no WRPO",
    );
}

async function* shareOf(
  groups: Iterable<JudgedGroup> | AsyncIterable<JudgedGroup>,
  { promptShare, rest, seed }: CommonFlags,
): AsyncGenerator<JudgedGroup> {
  for await (const group of groups) {
    if (promptShare !== undefined) {
      const { holdout } = splitByPrompt([{ prompt: group.messages }], { holdoutShare: promptShare, seed });
      if (holdout.length > 0 === (rest === true)) continue;
    }
    yield group;
  }
}

async function selectFrom(flags: CommonFlags, selector: Selector): Promise<Selection> {
  const { scorer, verifier, correctAt } = flags;
  if (flags.data !== undefined) {
    const records = filteredRecords((await readJudgedRecords(flags.data)).records, flags);
    const fields = {
      score: scorer ?? "score",
      correctAt,
      ...(verifier !== undefined && { verdict: verifier }),
    };
    return await select(
      selector,
      shareOf(
        records.map((record) => groupOfRecord(record, fields)),
        flags,
      ),
    );
  }
  return await withStore(flags.store!, async (store) => {
    const judges = { correctAt, ...(scorer && { scorer }), ...(verifier && { verifier }) };
    const groups = groupsOfStore(store, { ...judges, filter: storeFilter(flags) });
    const selection = await select(selector, shareOf(groups, flags));
    if (flags.record) await recordSelection(store, selection);
    return selection;
  });
}

const ROWS_PER_WRITE = 1000;

async function recordSelection(
  store: Parameters<Parameters<typeof withStore>[1]>[0],
  selection: Selection,
): Promise<void> {
  const rows = [...selectionRows(selection, new Date().toISOString())];
  for (let start = 0; start < rows.length; start += ROWS_PER_WRITE)
    await store.putSelections(rows.slice(start, start + ROWS_PER_WRITE));
}

const BATCH_CHARACTERS = 1 << 20;

/** Lines in parts of about a megabyte, each a gzip member of its own where the file is compressed. */
function* parts(lines: Iterable<string>, isCompressed: boolean): Generator<string | Uint8Array> {
  let text = "";
  for (const line of lines) {
    text += line;
    if (text.length < BATCH_CHARACTERS) continue;
    yield isCompressed ? gzipSync(text) : text;
    text = "";
  }
  yield isCompressed ? gzipSync(text) : text;
}

function checkDatasetInfo({ format, datasetInfo: file }: CommonFlags): void {
  if (file === undefined || format !== "trl") return;
  throw new TuttiError("INVALID_ARGUMENT", "--dataset-info is for LLaMA-Factory, and --format is trl", {
    hint: "add --format alpaca or --format sharegpt",
  });
}

async function run(flags: CommonFlags, selector: Selector): Promise<void> {
  checkSource(flags);
  checkDatasetInfo(flags);
  const selection = await selectFrom(flags, selector);
  const report = selectionReport(selection);
  printResult(printable(formatSelectionReport(report)));
  if (selection.rows.length === 0) {
    throw new TuttiError("DATASET_INVALID", "the selection is empty, so no training set was written", {
      details: { drops: report.drops },
      hint: "the reasons above say what was missing; check --scorer, --verifier, --target and the gaps",
    });
  }
  writePartsAtomic(flags.out, parts(trainingLines(selection, flags.format), flags.out.endsWith(".gz")));
  say(`${selection.rows.length} rows written to ${flags.out}`);
  if (flags.datasetInfo !== undefined && flags.format !== "trl") {
    const name = basename(flags.out).replace(/\.jsonl(\.gz)?$/, "");
    const entry = { [name]: datasetInfo(basename(flags.out), flags.format, selector.gives) };
    writeFileAtomic(flags.datasetInfo, `${JSON.stringify(entry, null, 2)}\n`);
  }
  if (flags.json !== undefined) writeFileAtomic(flags.json, `${JSON.stringify(report, null, 1)}\n`);
  if (flags.html !== undefined) {
    writeFileAtomic(flags.html, renderSelectionPage(selection, `Training set ${basename(flags.out)}`));
  }
}
