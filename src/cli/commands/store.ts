/** `tutti store`: care for a store of judged responses. */
import { Command } from "commander";
import {
  backupStore,
  checkStore,
  migrateStore,
  openStore,
  repairStore,
  SCHEMA_VERSION,
  type StoreStats,
  storeSchemaVersion,
} from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { wholeNumber } from "../flags.ts";
import { printable, printResult, say } from "../io.ts";

interface StoreFlags {
  readonly store: string;
  readonly json?: boolean;
}

function withStore(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .requiredOption("--store <url>", "the store: a file, sqlite:FILE, or postgres://USER@HOST/DATABASE")
    .option("--json", "machine-readable");
}

function printJson(value: unknown): void {
  printResult(JSON.stringify(value, null, 2));
}

function checkCommand(): Command {
  return withStore("check", "read everything once and say what is wrong")
    .description(
      "Checks the database file, every key against its row's content, every reference and the search index. Exits with 1 " +
        "where something is wrong.",
    )
    .action(async ({ store, json }: StoreFlags) => {
      const check = await checkStore(store);
      const { rows, problems, problemCount } = check;
      if (json) printJson(check);
      else {
        for (const [table, count] of Object.entries(rows)) printResult(`${table}  ${count}`);
        for (const { kind, table, key, message } of problems) {
          printResult(printable([kind, table, key, message].filter(Boolean).join("  ")));
        }
      }
      if (problemCount === 0) {
        say("nothing is wrong");
        return;
      }
      throw new TuttiError("STORE_INVALID", `${problemCount} problems, ${problems.length} of them listed`, {
        hint: "back the store up, then run `tutti store repair`",
      });
    });
}

function repairCommand(): Command {
  return withStore("repair", "remove rows that cannot be trusted, into a file")
    .description(
      "Removes rows whose key does not match their content, rows that cannot be read, and rows that hang on such or missing " +
        "ones; makes SQLite's indexes again. What is removed is written to a file first.",
    )
    .option("--removed <file>", "new file for the removed rows, one JSON object a line")
    .action(async ({ store, json, removed: file }: StoreFlags & { readonly removed?: string }) => {
      const removed = await repairStore(store, file);
      if (json) printJson(removed);
      else
        for (const { table, row, reason } of removed)
          printResult(printable(`${table}  ${row.key}  ${reason}`));
      say(
        removed.length === 0
          ? "no rows had to be removed"
          : `${removed.length} rows removed, kept in ${file}`,
      );
    });
}

function backupCommand(): Command {
  return withStore("backup", "copy one state of a store while others work on it")
    .requiredOption("--to <url>", "a file that does not exist yet, or an empty PostgreSQL schema")
    .action(async ({ store, json, to }: StoreFlags & { readonly to: string }) => {
      const result = await backupStore(store, to);
      if (json) printJson(result);
      else say(`copied to ${result.target}`);
    });
}

function migrateCommand(): Command {
  return withStore("migrate", "move a store to another version of the schema")
    .option("--to <version>", "version to go to, older ones too", wholeNumber("--to", 0), SCHEMA_VERSION)
    .option("--lose", "allow going down where that loses rows")
    .action(
      async ({ store, json, to, lose }: StoreFlags & { readonly to: number; readonly lose?: boolean }) => {
        const result = await migrateStore(store, { version: to, mayLose: lose === true });
        if (json) printJson(result);
        else if (result.from === result.to) say(`the schema has version ${result.to} already`);
        else say(`schema version ${result.from} -> ${result.to}`);
      },
    );
}

const COUNTED = [
  ["prompts by domain", "promptsByDomain"],
  ["responses by model", "responsesByModel"],
  ["responses by status", "responsesByStatus"],
  ["judgements by judge", "judgementsByJudge"],
] as const satisfies readonly (readonly [string, keyof StoreStats])[];

function formatStats(stats: StoreStats): string {
  const lines = [
    `prompts     ${stats.prompts}`,
    `responses   ${stats.responses}  (${stats.completionTokens} tokens)`,
    `judgements  ${stats.judgements}`,
    `selections  ${stats.selections}`,
    `cost        $${stats.costUsd.toFixed(4)}`,
  ];
  for (const [title, field] of COUNTED) {
    const entries = Object.entries(stats[field]);
    if (entries.length === 0) continue;
    lines.push("", title);
    const width = Math.max(...entries.map(([name]) => name.length));
    for (const [name, count] of entries) lines.push(`  ${name.padEnd(width)}  ${count}`);
  }
  return lines.join("\n");
}

function statsCommand(): Command {
  return withStore("stats", "count rows, tokens and cost").action(
    async ({ store: url, json }: StoreFlags) => {
      const schemaVersion = await storeSchemaVersion(url);
      const store = await openStore(url);
      try {
        const stats = await store.stats();
        if (json) printJson({ store: store.url, schemaVersion, ...stats });
        else printResult(printable(formatStats(stats)));
      } finally {
        await store.close();
      }
    },
  );
}

export function storeCommand(): Command {
  const store = new Command("store")
    .description("check, repair, back up, migrate and count a store")
    .exitOverride();
  for (const command of [
    checkCommand(),
    repairCommand(),
    backupCommand(),
    migrateCommand(),
    statsCommand(),
  ]) {
    store.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return store;
}
