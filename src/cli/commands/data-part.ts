/** `tutti data dedupe` and `split`: prompts that are too alike, and prompts held out. */
import { Command } from "commander";
import {
  contaminated,
  nearDuplicates,
  openStore,
  type PromptRow,
  promptText,
  type SelectionRow,
  selectionKey,
  splitByPrompt,
  writeDataFile,
} from "../../judged/index.ts";
import { type DataSourceFlags, dataEntries } from "../data-source.ts";
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

async function promptsOf(flags: DataSourceFlags): Promise<PromptRow[]> {
  const prompts: PromptRow[] = [];
  for await (const { prompt } of dataEntries(flags)) prompts.push(prompt);
  return prompts;
}

async function record(
  url: string,
  prompts: readonly PromptRow[],
  dropped: ReadonlyMap<number, string>,
  options: SelectionRow["options"],
): Promise<void> {
  const createdAt = new Date().toISOString();
  const rows = prompts.map(({ key }, index): SelectionRow => {
    const identity = { selector: "dedupe", options, promptKey: key };
    const reason = dropped.get(index);
    return {
      key: selectionKey(identity),
      ...identity,
      isKept: reason === undefined,
      reason: reason ?? "unique",
      createdAt,
    };
  });
  const store = await openStore(url);
  try {
    await store.putSelections(rows);
  } finally {
    await store.close();
  }
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
      const { threshold, words, seed } = flags;
      const prompts = await promptsOf(flags);
      const texts = prompts.map(({ messages }) => promptText(messages));
      const dropped = new Map<number, string>();
      for (const { index, of, similarity } of nearDuplicates(texts, { threshold, words, seed })) {
        dropped.set(index, "near_duplicate");
        printResult(printable(`${prompts[index]!.id} is like ${prompts[of]!.id} (${similarity.toFixed(3)})`));
      }
      say(`${dropped.size} of ${prompts.length} prompts are near-duplicates of an earlier one`);
      if (flags.against !== undefined) {
        const test = await promptsOf({ data: flags.against });
        const held = contaminated(
          texts,
          test.map(({ messages }) => promptText(messages)),
          flags.share,
        );
        for (const { test: index, train, share } of held) {
          dropped.set(train, "contaminated");
          printResult(
            printable(
              `${prompts[train]!.id} holds ${(100 * share).toFixed(0)} % of test prompt ${test[index]!.id}`,
            ),
          );
        }
        say(`${held.length} of ${test.length} test prompts are in the data`);
      }
      if (flags.record && flags.store !== undefined)
        await record(flags.store, prompts, dropped, { threshold, words, seed });
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
