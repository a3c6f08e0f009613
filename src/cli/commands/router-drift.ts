/** `tutti router drift`: has traffic left what the router was trained on? */
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { promptText, readJudgedRecords, readPrompts, type TrafficPrompt } from "../../judged/index.ts";
import {
  buildDriftMonitor,
  detectDrift,
  formatDrift,
  loadDriftMonitor,
  saveDriftMonitor,
} from "../../routing/drift/index.ts";
import { EncoderEmbedder } from "../../routing/embedding/index.ts";
import { readManifest } from "../../routing/router-folder.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { wholeNumber } from "../flags.ts";
import { printable, printResult, say } from "../io.ts";
import { checkSource, STORE_OPTION, storeFilter, withStore } from "../judged-source.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface Flags extends ProviderFlags {
  readonly router: string;
  readonly data?: string[];
  readonly store?: string;
  readonly domains?: string[];
  readonly splits?: string[];
  readonly sources?: string[];
  readonly reference?: string[];
  readonly json?: string;
  readonly alpha: number;
  readonly seed: number;
  readonly failOnDrift?: boolean;
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError("expected a number between 0 and 1");
}

export function routerDriftCommand(): Command {
  return new Command("drift")
    .summary("tell when traffic has left what the router was trained on")
    .description("Compares prompts with those of training; neither answers nor scores are needed or read.")
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .option(
      "--data <file...>",
      "recent prompts (.jsonl or .jsonl.gz): judged records, chat requests, or just prompts",
    )
    .option(...STORE_OPTION)
    .option("--domains <name...>", "of a store: only prompts of these domains")
    .option("--splits <name...>", "of a store: only prompts of these splits")
    .option("--sources <name...>", "of a store: only prompts of these sources")
    .option("--reference <file...>", "the router's training files, for a folder that remembers none")
    .option("--alpha <p>", "chance of a false alarm per check", share, 0.01)
    .option("--seed <n>", "seed of sampling and permutations", wholeNumber("--seed", 0), 0)
    .option("--json <file>", "write the report as JSON")
    .option("--fail-on-drift", "exit with 1 when there is drift, for continuous integration")
    .addOption(providerOption())
    .addHelpText(
      "after",
      "\nExample:\n  tutti router drift --router runs/first --data last-week.jsonl --fail-on-drift",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

async function recentPrompts(flags: Flags): Promise<TrafficPrompt[]> {
  if (flags.data !== undefined) return await readPrompts(flags.data);
  const { sources } = flags;
  return await withStore(flags.store!, async (store) => {
    const prompts: TrafficPrompt[] = [];
    for await (const { id, messages } of store.prompts({
      ...storeFilter(flags),
      ...(sources && { sources }),
    }))
      prompts.push({ id, prompt: promptText(messages) });
    return prompts;
  });
}

async function run(flags: Flags): Promise<void> {
  checkSource(flags);
  const { hasEmbedder } = readManifest(flags.router);
  const encoder = hasEmbedder
    ? new EncoderEmbedder(join(flags.router, "embedder"), decidingBackend(flags))
    : undefined;
  if (flags.reference !== undefined) {
    const { records } = await readJudgedRecords(flags.reference);
    saveDriftMonitor(flags.router, await buildDriftMonitor(records, encoder, flags.seed));
    say(`${flags.router} remembers ${records.length} training prompts`);
  }
  const monitor = loadDriftMonitor(flags.router, encoder);
  const report = await detectDrift(monitor, await recentPrompts(flags), {
    alpha: flags.alpha,
    seed: flags.seed,
  });
  printResult(printable(formatDrift(report)));
  if (flags.json !== undefined) {
    writeFileAtomic(flags.json, `${JSON.stringify(report, null, 1)}\n`);
    say(`report written to ${flags.json}`);
  }
  if (report.hasDrifted && flags.failOnDrift === true) process.exitCode = 1;
}
