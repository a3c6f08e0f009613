/** `tutti data dedupe` and `split`: prompts that are too alike, and prompts held out. */
import { Command } from "commander";
import {
  type DedupeReport,
  dedupePrompts,
  openStore,
  type PromptRow,
  type SelectionRow,
  splitByPrompt,
  writeDataFile,
} from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type DataSourceFlags, dataEntries, dataPrompts } from "../data-source.ts";
import { numberBetween, wholeNumber } from "../flags.ts";
import { printable, printResult, say } from "../io.ts";

interface DedupeFlags extends DataSourceFlags {
  readonly threshold: number;
  readonly words: number;
  readonly seed: number;
  readonly against?: string[];
  readonly share: number;
  readonly record?: boolean;
}

const SELECTIONS_AT_ONCE = 1000;

async function record(url: string, report: DedupeReport): Promise<void> {
  const store = await openStore(url);
  try {
    let batch: SelectionRow[] = [];
    for (const row of report.selections(new Date().toISOString())) {
      batch.push(row);
      if (batch.length < SELECTIONS_AT_ONCE) continue;
      await store.putSelections(batch);
      batch = [];
    }
    await store.putSelections(batch);
  } finally {
    await store.close();
  }
}

async function testPrompts(files: string[] | undefined): Promise<PromptRow[]> {
  const prompts: PromptRow[] = [];
  if (files !== undefined) for await (const prompt of dataPrompts({ data: files })) prompts.push(prompt);
  return prompts;
}

export function dataDedupeCommand(): Command {
  return new Command("dedupe")
    .summary("find near-duplicate prompts, and prompts that a test set holds")
    .option("--data <file...>", "data files of any format")
    .option("--store <url>", "or a store")
    .option("--format <name>", "format of the files; told by their content otherwise")
    .option(
      "--threshold <s>",
      "least Jaccard similarity of word n-grams",
      numberBetween("--threshold", 0.05, 1),
      0.8,
    )
    .option("--words <n>", "words of an n-gram", wholeNumber("--words", 1), 3)
    .option("--seed <n>", "seed of the hash functions", wholeNumber("--seed", 0), 0)
    .option("--against <file...>", "test sets: which of their prompts are in the data")
    .option(
      "--share <s>",
      "share of a test prompt's 13-grams that counts as held",
      numberBetween("--share", 0.01, 1),
      0.5,
    )
    .option("--record", "keep the decisions in the store, for `tutti data export --kept-by dedupe`")
    .action(async (flags: DedupeFlags) => {
      const { threshold, words, seed, share: leastShare } = flags;
      if (flags.record && flags.store === undefined) {
        throw new TuttiError("INVALID_ARGUMENT", "received --record without --store", {
          hint: "decisions are kept in a store: import the files first, and name it with --store",
        });
      }
      const against = await testPrompts(flags.against);
      const report = await dedupePrompts(dataPrompts(flags), {
        ...{ threshold, words, seed, against, leastShare },
        onDuplicate: (id, of, similarity) =>
          printResult(printable(`${id} is like ${of} (${similarity.toFixed(3)})`)),
      });
      say(`${report.duplicates} of ${report.prompts} prompts are near-duplicates of an earlier one`);
      for (const { id, test, share } of report.contaminated) {
        printResult(printable(`${id} holds ${(100 * share).toFixed(0)} % of test prompt ${test}`));
      }
      if (flags.against !== undefined) {
        say(`${report.contaminated.length} of ${against.length} test prompts are in the data`);
      }
      if (flags.record) await record(flags.store!, report);
    });
}

interface SplitFlags extends DataSourceFlags {
  readonly holdout: number;
  readonly seed: number;
  readonly train: string;
  readonly test: string;
  readonly as: string;
}

export function dataSplitCommand(): Command {
  return new Command("split")
    .summary("part a data set in two by a hash of the prompt")
    .description("Where a prompt goes depends on its text and the seed alone, whatever else is in the data.")
    .option("--data <file...>", "data files of any format")
    .option("--store <url>", "or a store")
    .option("--format <name>", "format of the files; told by their content otherwise")
    .option("--holdout <share>", "share held out", numberBetween("--holdout", 0, 1), 0.2)
    .option("--seed <n>", "seed of the hash", wholeNumber("--seed", 0), 0)
    .option("--as <format>", "format to write", "judged-record")
    .requiredOption("--train <file>", "where the larger part goes")
    .requiredOption("--test <file>", "where the part held out goes")
    .action(async ({ holdout, seed, train, test, as, ...source }: SplitFlags) => {
      for (const [path, isHeldOut] of [
        [train, false],
        [test, true],
      ] as const) {
        const entries = async function* () {
          for await (const entry of dataEntries(source)) {
            const parts = splitByPrompt([{ prompt: entry.prompt.messages }], { holdoutShare: holdout, seed });
            if (parts.holdout.length > 0 === isHeldOut) yield entry;
          }
        };
        const { prompts } = await writeDataFile(path, entries(), { format: as });
        say(`${prompts} prompts written to ${path}`);
      }
    });
}
