/** `tutti data import` and `tutti data export`: files into a store, and a store into files. */
import { Command } from "commander";
import {
  DATA_FORMATS,
  droppedPrompts,
  importFiles,
  openStore,
  type PromptFilter,
  storeEntries,
  writeDataFile,
  writeStoreRows,
} from "../../judged/index.ts";
import { wholeNumber } from "../flags.ts";
import { interruptSignal, say } from "../io.ts";

interface ImportFlags {
  readonly store: string;
  readonly format?: string;
  readonly source?: string;
  readonly sourceRevision?: string;
  readonly domain?: string;
  readonly model?: string;
  readonly judge?: string;
  readonly judgeVersion?: string;
}

const formatList = (canBeWritten: boolean): string =>
  DATA_FORMATS.filter(({ writer }) => !canBeWritten || writer !== undefined)
    .map(({ name, summary }) => `  ${name.padEnd(22)} ${summary}`)
    .join("\n");

export function dataImportCommand(): Command {
  return new Command("import")
    .summary("read data files into a store")
    .description(
      "Every row of every file is checked first: a malformed file changes nothing. Rows that are there stay.",
    )
    .argument("<file...>", ".jsonl, .json, .csv (each also gzip'd) or .parquet")
    .requiredOption("--store <url>", "file of the store, or postgres://...")
    .option("--format <name>", "format of all files; told by their content otherwise")
    .option("--source <name>", "name of the data set; the file's name otherwise")
    .option("--source-revision <text>", "which state of the source this is")
    .option("--domain <name>", "domain of prompts whose file names none")
    .option("--model <name>", "model of answers whose file names none")
    .option("--judge <name>", "judge of scores whose file names none")
    .option("--judge-version <text>", "its version")
    .addHelpText("after", `\nFormats:\n${formatList(false)}`)
    .action(async (files: string[], { store: url, ...options }: ImportFlags) => {
      const store = await openStore(url);
      try {
        const report = await importFiles(store, files, {
          ...options,
          signal: interruptSignal("stopping; run it again to go on"),
        });
        for (const { path, format } of report.files) say(`${path}: ${format}`);
        for (const table of ["prompts", "responses", "judgements", "selections"] as const) {
          const { inserted, existing } = report[table];
          if (inserted + existing > 0) say(`${table}: ${inserted} new, ${existing} there already`);
        }
      } finally {
        await store.close();
      }
    });
}

interface ExportFlags {
  readonly store: string;
  readonly format: string;
  readonly out: string;
  readonly domain?: string[];
  readonly split?: string[];
  readonly models?: string[];
  readonly judge?: string;
  readonly keptBy?: string;
  readonly model?: string;
  readonly samples: number;
}

export function dataExportCommand(): Command {
  return new Command("export")
    .summary("write a store's rows to a file")
    .requiredOption("--store <url>", "file of the store, or postgres://...")
    .requiredOption("--format <name>", "format to write")
    .requiredOption("--out <file>", ".jsonl, .json, .csv (each also .gz) or .parquet")
    .option("--domain <name...>", "only prompts of these domains")
    .option("--split <name...>", "only prompts of these splits")
    .option("--models <name...>", "only answers of these; tables and judged records then need all of them")
    .option("--judge <name>", "whose scores are meant")
    .option("--kept-by <selector>", 'without the prompts that a selector dropped, for instance "dedupe"')
    .option("--model <name>", "openai-batch: the model to ask")
    .option("--samples <n>", "openai-batch: samples a prompt", wholeNumber("--samples", 1), 1)
    .addHelpText("after", `\nFormats:\n${formatList(true)}`)
    .action(async ({ store: url, format, out, domain, split, keptBy, ...options }: ExportFlags) => {
      const store = await openStore(url);
      try {
        const filter: PromptFilter = { ...(domain && { domains: domain }), ...(split && { splits: split }) };
        const dropped = keptBy === undefined ? undefined : await droppedPrompts(store, keptBy);
        const isWhole =
          format === "rows" && dropped === undefined && domain === undefined && split === undefined;
        const report = isWhole
          ? await writeStoreRows(out, store, filter)
          : await writeDataFile(out, storeEntries(store, filter, dropped), { format, ...options });
        say(`${report.rows} rows of ${report.prompts} prompts written to ${out}`);
      } finally {
        await store.close();
      }
    });
}
