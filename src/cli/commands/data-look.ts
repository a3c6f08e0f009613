/** `tutti data stats`, `show` and `diff`: what is in files and stores. */
import { Command } from "commander";
import { diffDatasets, openStore, type PromptEntry, promptText } from "../../judged/index.ts";
import { type DataSourceFlags, dataEntries, dataGroups } from "../data-source.ts";
import { wholeNumber } from "../flags.ts";
import { printable, printResult } from "../io.ts";

const withSource = (command: Command): Command =>
  command
    .option("--data <file...>", "data files of any format")
    .option("--store <url>", "or a store")
    .option("--format <name>", "format of the files; told by their content otherwise");

const add = (counts: Map<string, number>, name: string): unknown =>
  counts.set(name, (counts.get(name) ?? 0) + 1);

export function dataStatsCommand(): Command {
  return withSource(new Command("stats").summary("count prompts, answers and judgements")).action(
    async (flags: DataSourceFlags) => {
      const counts = {
        domain: new Map<string, number>(),
        model: new Map<string, number>(),
        status: new Map<string, number>(),
        judge: new Map<string, number>(),
      };
      let [prompts, responses, judgements, characters] = [0, 0, 0, 0];
      for await (const entry of dataEntries(flags)) {
        prompts++;
        add(counts.domain, entry.prompt.domain);
        for (const { model, status, text } of entry.responses) {
          responses++;
          characters += text.length;
          add(counts.model, model);
          add(counts.status, status);
        }
        for (const { judge } of entry.judgements) {
          judgements++;
          add(counts.judge, judge);
        }
      }
      printResult(`${prompts} prompts, ${responses} answers, ${judgements} judgements`);
      if (responses > 0) printResult(`${Math.round(characters / responses)} characters an answer`);
      for (const [kind, found] of Object.entries(counts)) {
        for (const [name, count] of [...found].sort(([, a], [, b]) => b - a))
          printResult(printable(`${kind} ${name}: ${count}`));
      }
    },
  );
}

function entryText({ prompt, responses, judgements }: PromptEntry): string {
  const lines = [`${prompt.key}  ${prompt.domain}  ${prompt.id}`, promptText(prompt.messages)];
  for (const { key, model, status, text } of responses) {
    const scores = judgements
      .filter(({ responseKey }) => responseKey === key)
      .map(({ judge, score, verdict }) => `${judge} ${score ?? "-"} ${verdict}`);
    lines.push(
      `  ${model} (${status})${scores.length > 0 ? `: ${scores.join(", ")}` : ""}`,
      `    ${text.replaceAll("\n", "\n    ")}`,
    );
  }
  return lines.join("\n");
}

interface ShowFlags extends DataSourceFlags {
  readonly limit: number;
  readonly search?: string;
  readonly key?: string[];
}

export function dataShowCommand(): Command {
  return withSource(new Command("show").summary("print prompts with their answers and judgements"))
    .option("--limit <n>", "prompts at most", wholeNumber("--limit", 1), 3)
    .option("--key <key...>", "these prompts, by key or id")
    .option("--search <words>", "prompts of a store that hold these words, best first")
    .action(async (flags: ShowFlags) => {
      const wanted = new Set(flags.key ?? []);
      if (flags.search !== undefined && flags.store !== undefined) {
        const store = await openStore(flags.store);
        try {
          for (const { key } of await store.searchPrompts(flags.search, flags.limit)) wanted.add(key);
        } finally {
          await store.close();
        }
        if (wanted.size === 0) return;
      }
      let shown = 0;
      for await (const entry of dataEntries(flags)) {
        if (wanted.size > 0 && !wanted.has(entry.prompt.key) && !wanted.has(entry.prompt.id)) continue;
        printResult(printable(entryText(entry)));
        if (++shown >= flags.limit) break;
      }
    });
}

export function dataDiffCommand(): Command {
  return new Command("diff")
    .summary("compare two data sets row by row")
    .argument("<first>", "data file or store")
    .argument("<second>", "data file or store")
    .action(async (first: string, second: string) => {
      const diff = await diffDatasets(dataGroups(first), dataGroups(second));
      for (const [table, { onlyFirst, onlySecond, same, changed }] of Object.entries(diff)) {
        printResult(
          `${table}: ${same} the same, ${changed} changed, ${onlyFirst} only in the first, ${onlySecond} only in the second`,
        );
      }
    });
}
