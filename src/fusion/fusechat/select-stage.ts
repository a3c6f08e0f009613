/** Fourth stage: the set to imitate and the pairs, out of judged answers, each prompt in one of them at most. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  bestAnswer,
  bestCorrectAnswer,
  crossSourcePairs,
  firstAnswer,
  type JsonObject,
  type JudgedGroup,
  majorityAnswer,
  type Selection,
  type Selector,
  sameSourcePairs,
  selectionReport,
  selectionRows,
  shortestAboveMeanPairs,
  trainingLines,
} from "../../judged/index.ts";
import { writePartsAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import {
  type AssignedPrompts,
  type Assignment,
  assignPrompts,
  type DecidedPrompt,
  decidePrompt,
} from "./assign-prompts.ts";
import type { FuseContext } from "./context.ts";
import { coverageOf } from "./coverage.ts";
import { promptRank } from "./divide-prompts.ts";
import { groupsOfPart } from "./groups.ts";
import type { JudgeResult } from "./judge-stage.ts";
import type { PromptsResult } from "./prompts-stage.ts";
import { type SampleResult, sourceParts } from "./sample-stage.ts";
import type { FuseDomain } from "./settings.ts";

export const SFT_FILE = "sft.jsonl";
export const PAIRS_FILE = "pairs.jsonl";
export const VALIDATION_FILE = "pairs-validation.jsonl";

/** A training set as a file of the stage's folder. */
export interface WrittenSet extends JsonObject {
  readonly rows: number;
  readonly sha256: string;
}

export interface DomainSelection extends JsonObject {
  readonly prompts: number;
  /** Prompts that are learned from in neither way, by reason. */
  readonly drops: { readonly [reason: string]: number };
  /** Prompts meant for a pair that are imitated, by the reason why there is none. */
  readonly moved: { readonly [reason: string]: number };
  /** Reports of the selectors: sources, lengths, scores, gaps, and drops of answers. */
  readonly sft: JsonObject;
  readonly pairs: JsonObject | null;
  readonly coverage: JsonObject | null;
}

export interface SelectResult extends JsonObject {
  readonly domains: { readonly [domain: string]: DomainSelection };
  readonly sft: WrittenSet;
  readonly pairs: WrittenSet;
  readonly validation: WrittenSet;
}

export function answerSelector({ sft: { choose } }: FuseDomain): Selector {
  switch (choose) {
    case "best":
      return bestAnswer();
    case "correct-then-best":
      return bestCorrectAnswer();
    case "vote":
      return majorityAnswer();
    case "first":
      return firstAnswer();
  }
}

export function pairSelector({ pairs }: FuseDomain): Selector | undefined {
  const gap = { least: pairs.leastGap, most: pairs.mostGap ?? Number.POSITIVE_INFINITY };
  const isVerified = pairs.verified;
  switch (pairs.choose) {
    case "same-source":
      return sameSourcePairs({ gap, isVerified, sources: pairs.sources });
    case "cross-source":
      return crossSourcePairs({ gap, isVerified });
    case "shortest-above-mean":
      return shortestAboveMeanPairs({ gap });
    case "none":
      return undefined;
  }
}

export const assignmentOf = (domain: FuseDomain): Assignment => ({
  answers: answerSelector(domain),
  pairs: pairSelector(domain),
  promptShare: domain.sft.promptShare,
  unpaired: domain.pairs.unpaired,
});

function writeSet(path: string, selections: readonly Selection[]): WrittenSet {
  const hash = createHash("sha256");
  let rows = 0;
  const lines = function* (): Generator<string> {
    for (const selection of selections) {
      for (const line of trainingLines(selection, "trl")) {
        rows++;
        hash.update(line);
        yield line;
      }
    }
  };
  writePartsAtomic(path, lines());
  return { rows, sha256: hash.digest("hex") };
}

/** JSON has no undefined and no infinity, which a report may hold. */
const asJson = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

const ROWS_PER_WRITE = 1000;

async function record({ store }: FuseContext, selections: readonly Selection[]): Promise<void> {
  for (const selection of selections) {
    const rows = [...selectionRows(selection, new Date().toISOString())];
    for (let start = 0; start < rows.length; start += ROWS_PER_WRITE)
      await store.putSelections(rows.slice(start, start + ROWS_PER_WRITE));
  }
}

interface SelectedDomain {
  readonly assigned: AssignedPrompts;
  readonly result: DomainSelection;
}

async function selectDomain(
  context: FuseContext,
  domain: FuseDomain,
  groups: AsyncIterable<JudgedGroup>,
): Promise<SelectedDomain> {
  const { settings, signal } = context;
  const assignment = assignmentOf(domain);
  const decided: DecidedPrompt[] = [];
  const coverage = coverageOf();
  for await (const group of groups) {
    signal.throwIfAborted();
    coverage.add(group);
    decided.push(decidePrompt(group, assignment, promptRank(group, "fuse sft", settings.seed)));
  }
  const assigned = assignPrompts(decided, assignment);
  const { sft, pairs, prompts, drops, moved } = assigned;
  await record(context, [sft, ...(pairs ? [pairs] : [])]);
  return {
    assigned,
    result: {
      ...{ prompts, drops, moved },
      sft: asJson(selectionReport(sft)),
      pairs: pairs ? asJson(selectionReport(pairs)) : null,
      coverage: domain.verifier === undefined ? null : asJson(coverage.result()),
    },
  };
}

/** The rows whose prompts have, or do not have, a rank below the share. */
function partOf(selection: Selection, share: number, seed: number, isBelow: boolean): Selection {
  const rows = selection.rows.filter(
    ({ group }) => promptRank(group, "fuse validation", seed) < share === isBelow,
  );
  return { ...selection, rows };
}

async function selectAll(
  context: FuseContext,
  prompts: StageResult<PromptsResult>,
  judged: StageResult<JudgeResult>,
  folder: string,
): Promise<SelectResult> {
  const { settings, store, events } = context;
  const domains: Record<string, DomainSelection> = {};
  const [sft, pairs]: [Selection[], Selection[]] = [[], []];
  for (const part of sourceParts(context, prompts)) {
    const domain = settings.domains.find(({ name }) => name === part.domain)!;
    const judges = { judged: judged.result.domains[domain.name]!, correctAt: domain.correctAt };
    const groups = groupsOfPart(store, part, judges, settings.seed);
    const { assigned, result } = await selectDomain(context, domain, groups);
    domains[domain.name] = result;
    sft.push(assigned.sft);
    if (assigned.pairs) pairs.push(assigned.pairs);
    const left = Object.entries(assigned.drops).map(([reason, count]) => `${count} ${reason}`);
    events.onFact?.(
      "select",
      "info",
      `${domain.name}: ${assigned.sft.rows.length} answers, ${assigned.pairs?.rows.length ?? 0} pairs` +
        (left.length > 0 ? `; prompts left out: ${left.join(", ")}` : ""),
    );
  }
  const share = settings.dpo.keep === "last" ? 0 : settings.dpo.validationShare;
  const split = (isBelow: boolean) => pairs.map((one) => partOf(one, share, settings.seed, isBelow));
  const result: SelectResult = {
    domains,
    sft: writeSet(join(folder, SFT_FILE), sft),
    pairs: writeSet(join(folder, PAIRS_FILE), split(false)),
    validation: writeSet(join(folder, VALIDATION_FILE), split(true)),
  };
  requireRows(result, settings.domains);
  return result;
}

function requireRows({ sft, pairs, domains }: SelectResult, settings: readonly FuseDomain[]): void {
  const wantsPairs = settings.some(({ pairs: { choose } }) => choose !== "none");
  const missing =
    sft.rows === 0 ? "answers to imitate" : wantsPairs && pairs.rows === 0 ? "pairs" : undefined;
  if (missing === undefined) return;
  const reasons = Object.entries(domains).flatMap(([domain, { drops, moved }]) =>
    Object.entries({ ...moved, ...drops }).map(([reason, count]) => `${domain}: ${count} ${reason}`),
  );
  throw new TuttiError("DATASET_INVALID", `the answers give no ${missing}: ${reasons.join(", ")}`, {
    details: { reasons },
    hint: "the reasons say what was missing; look at the judges and at pairs.leastGap and mostGap of the domains",
  });
}

export function selectStage(
  context: FuseContext,
  prompts: StageResult<PromptsResult>,
  sampled: StageResult<SampleResult>,
  judged: StageResult<JudgeResult>,
): Stage<SelectResult> {
  const { settings } = context;
  const rules = settings.domains.map((domain) => ({
    name: domain.name,
    correctAt: domain.correctAt,
    sft: { ...domain.sft },
    pairs: { ...domain.pairs },
  }));
  const share = settings.dpo.keep === "last" ? 0 : settings.dpo.validationShare;
  return {
    name: "select",
    // Answers that nobody judges, or that other texts got the same verdicts, are in no verdict.
    inputs: {
      ...{ answers: sampled.digest, judged: judged.digest },
      ...{ seed: settings.seed, rules, validationShare: share },
    },
    isIntact: (_, folder) =>
      [SFT_FILE, PAIRS_FILE, VALIDATION_FILE].every((name) => existsSync(join(folder, name))),
    run: (folder) => selectAll(context, prompts, judged, folder),
  };
}
