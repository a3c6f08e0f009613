/** First stage: prompts by domain, out of their files into the store. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { type JsonObject, openDataFiles, type PromptRow, readDataFiles } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { hashFile } from "../../support/hash-file.ts";
import type { Stage } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { dividePrompts, type PromptDrop } from "./divide-prompts.ts";
import { type ListedPrompt, PROMPT_LIST, readPromptList, writePromptList } from "./prompt-list.ts";
import type { FuseDomain, FuseSettings } from "./settings.ts";

export interface DomainPrompts extends JsonObject {
  /** Rows of the files. */
  readonly read: number;
  readonly train: number;
  readonly holdout: number;
  readonly drops: { readonly [reason in PromptDrop]?: number };
}

export interface PromptsResult extends JsonObject {
  readonly domains: { readonly [domain: string]: DomainPrompts };
  /** SHA-256 of the list. */
  readonly list: string;
}

const ROWS_PER_WRITE = 1000;

const holdoutFiles = ({ holdout }: FuseDomain): readonly string[] =>
  "files" in holdout ? holdout.files : [];

async function filesInput(paths: readonly string[]): Promise<JsonObject[]> {
  const files: JsonObject[] = [];
  for (const path of paths) {
    // Opening says in its own words what is wrong with a file that is not there.
    await openDataFiles([path]);
    files.push({ name: basename(path), sha256: await hashFile(path, createHash("sha256")) });
  }
  return files;
}

async function promptsOf(paths: readonly string[], signal: AbortSignal): Promise<PromptRow[]> {
  const rows: PromptRow[] = [];
  if (paths.length === 0) return rows;
  for await (const { prompts } of readDataFiles(await openDataFiles(paths))) {
    signal.throwIfAborted();
    for (const row of prompts) rows.push(row);
  }
  return rows;
}

function requirePrompts(domain: FuseDomain, { train, holdout, drops }: DomainPrompts): void {
  if (train > 0 && holdout > 0) return;
  const what = train === 0 ? "no prompts to train on" : "no prompts held out";
  const reasons = Object.entries(drops).map(([reason, count]) => `${count} ${reason}`);
  throw new TuttiError(
    "DATASET_INVALID",
    `domain "${domain.name}" has ${what}${reasons.length > 0 ? `; left out: ${reasons.join(", ")}` : ""}`,
    {
      details: { domain: domain.name },
      hint: "add prompts, or alter holdout, most or exclude of the domain",
    },
  );
}

export interface DividedDomain {
  readonly domain: FuseDomain;
  readonly train: readonly PromptRow[];
  readonly holdout: readonly PromptRow[];
  readonly counts: DomainPrompts;
}

/**
 * Reads the domains' files and divides their prompts, one domain after another.
 *
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID for a domain without prompts
 */
export async function* dividedDomains(
  { domains, seed }: Pick<FuseSettings, "domains" | "seed">,
  signal: AbortSignal,
): AsyncGenerator<DividedDomain> {
  const heldOut = new Map<string, PromptRow[]>();
  for (const domain of domains) heldOut.set(domain.name, await promptsOf(holdoutFiles(domain), signal));
  const heldOutTexts = new Set<string>();
  // Held-out prompts of every domain come first: no domain may train on another's.
  for (const rows of heldOut.values())
    dividePrompts([], rows, { exclude: [], seed }, new Set(), heldOutTexts);
  const trainedOn = new Set<string>();
  for (const domain of domains) {
    const rows = await promptsOf(domain.prompts, signal);
    const { exclude, most, holdout: held } = domain;
    const division = {
      ...{ exclude, most, seed, holdoutMost: held.most },
      ...("share" in held && { holdoutShare: held.share }),
    };
    const own = heldOut.get(domain.name)!;
    const { train, holdout, drops } = dividePrompts(rows, own, division, trainedOn, heldOutTexts);
    const counts = { read: rows.length, train: train.length, holdout: holdout.length, drops };
    requirePrompts(domain, counts);
    yield { domain, train, holdout, counts };
  }
}

async function divide(
  { settings, store, signal, events }: FuseContext,
  folder: string,
): Promise<PromptsResult> {
  const listed: ListedPrompt[] = [];
  const domains: Record<string, DomainPrompts> = {};
  for await (const { domain, train, holdout, counts } of dividedDomains(settings, signal)) {
    for (const [part, some] of [["train", train] as const, ["holdout", holdout] as const]) {
      const own = some.map((row) => ({ ...row, domain: domain.name, split: part }));
      for (let start = 0; start < own.length; start += ROWS_PER_WRITE)
        await store.putPrompts(own.slice(start, start + ROWS_PER_WRITE));
      for (const { key } of own) listed.push({ key, domain: domain.name, part });
    }
    domains[domain.name] = counts;
    const kept = `${domain.name}: ${train.length} prompts to train on, ${holdout.length} held out`;
    const left = Object.entries(counts.drops).map(([reason, count]) => `${count} ${reason}`);
    events.onFact?.("prompts", "info", left.length > 0 ? `${kept}; left out: ${left.join(", ")}` : kept);
  }
  return { domains, list: writePromptList(join(folder, PROMPT_LIST), listed) };
}

export async function promptsStage(context: FuseContext): Promise<Stage<PromptsResult>> {
  const { settings, store } = context;
  const domains: JsonObject[] = [];
  for (const domain of settings.domains) {
    const { name, exclude, most, holdout } = domain;
    domains.push({
      name,
      exclude: [...exclude],
      prompts: await filesInput(domain.prompts),
      heldOut: await filesInput(holdoutFiles(domain)),
      ...("share" in holdout && { share: holdout.share }),
      ...(most !== undefined && { most }),
      ...(holdout.most !== undefined && { holdoutMost: holdout.most }),
    });
  }
  return {
    name: "prompts",
    inputs: { seed: settings.seed, domains },
    async isIntact(_, folder) {
      if (!existsSync(join(folder, PROMPT_LIST))) return false;
      const keys = [...new Set(readPromptList(join(folder, PROMPT_LIST)).map(({ key }) => key))];
      return (await store.existing("prompts", keys)).size === keys.length;
    },
    run: (folder) => divide(context, folder),
  };
}

/** The list that the stage has written. */
export const listedPrompts = (folder: string): ListedPrompt[] => readPromptList(join(folder, PROMPT_LIST));
