/**
 * The search: settings in turn on one fold after another, until all are done or the budget ends. After each fold a
 * setting that is clearly behind the best fully evaluated one, on the same prompts, is dropped.
 */
import { rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { foldOf } from "../../judged/index.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Embedder } from "../embedding/index.ts";
import { chooseAll } from "../evaluation/index.ts";
import type { Router } from "../router.ts";
import type { PlannedSetting } from "./plan.ts";
import { promptGains } from "./prompt-gains.ts";
import { isClearlyBehind, pairedDifference } from "./racing.ts";
import type { Trial, TrialStore } from "./trial-store.ts";

export type SettingStatus = "evaluated" | "dropped" | "unfinished" | "not tried";

export interface Standing {
  readonly planned: PlannedSetting;
  readonly status: SettingStatus;
  /** Folds done. */
  readonly folds: number;
  readonly seconds: number;
  /** Mean gain over the folds done, see `promptGains`: for choosing only. */
  readonly meanGain?: number;
}

export interface SearchProgress {
  /** Trials done, those of earlier runs included, or made needless by racing. */
  readonly done: number;
  readonly total: number;
  readonly name: string;
  readonly fold: number;
  readonly elapsedSeconds: number;
}

export interface SearchInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  readonly plan: readonly PlannedSetting[];
  readonly folds: number;
  readonly seed: number;
  readonly budgetSeconds: number;
  readonly embedder: Embedder;
  readonly store: TrialStore;
  /** Seconds that this run has taken so far. */
  readonly runSeconds: () => number;
  readonly signal?: AbortSignal;
  readonly onTrial?: (progress: SearchProgress) => void;
}

export interface SearchResult {
  /** In the order of the plan. */
  readonly standings: readonly Standing[];
  /** The best of the settings evaluated on all folds; the earlier one of equals. */
  readonly best: Standing;
  readonly elapsedSeconds: number;
  readonly hasBudgetEnded: boolean;
}

/** Indices of the records of each fold. @throws {TuttiError} DATASET_INVALID when one has no prompt */
export function foldMembers(records: readonly JudgedRecord[], folds: number, seed: number): number[][] {
  const members = Array.from({ length: folds }, (): number[] => []);
  for (const [index, record] of records.entries()) members[foldOf(record, folds, seed)]!.push(index);
  if (members.some((fold) => fold.length === 0)) {
    throw new TuttiError(
      "DATASET_INVALID",
      `${records.length} prompts to search with leave one of ${folds} folds empty`,
      { details: { prompts: records.length, folds }, hint: "give more judged prompts, or fewer --folds" },
    );
  }
  return members;
}

/**
 * Lets the event loop turn first: quick methods train without ever waiting, and a Ctrl-C would go unheard.
 *
 * @throws {TuttiError} INTERRUPTED
 */
export async function throwIfInterrupted(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  if (signal?.aborted !== true) return;
  throw new TuttiError("INTERRUPTED", "stopped; every finished trial is kept", {
    hint: "run the same command again to go on",
  });
}

/** Frees what a router holds of the runtime. */
export async function disposeRouter(router: Router): Promise<void> {
  if ("dispose" in router && typeof router.dispose === "function") await router.dispose();
}

interface Leader {
  readonly standing: Standing;
  /** Gain of its choice, per record. */
  readonly gains: Float64Array;
}

/**
 * @throws {TuttiError} INTERRUPTED after an abort; BUDGET_EXHAUSTED when the budget ended before any setting was
 *   evaluated on all folds; what the methods' training throws
 */
export async function searchSettings(input: SearchInput): Promise<SearchResult> {
  const { records, candidates, plan, folds, store } = input;
  const members = foldMembers(records, folds, input.seed);
  const gains = promptGains(records, candidates);
  const earlierSeconds = store.elapsedSeconds();
  const elapsed = (): number => earlierSeconds + input.runSeconds();
  const total = plan.length * folds;
  const standings: Standing[] = [];
  let leader: Leader | undefined;
  let hasBudgetEnded = false;

  for (const planned of plan) {
    const own = new Float64Array(records.length);
    const seen: number[] = [];
    let [done, seconds] = [0, 0];
    let isBehind = false;
    for (const [fold, test] of members.entries()) {
      let trial = store.read(planned, fold, test.length, candidates.length);
      if (trial === undefined) {
        await throwIfInterrupted(input.signal);
        hasBudgetEnded ||= elapsed() >= input.budgetSeconds;
        if (hasBudgetEnded) break;
        trial = await runTrial(input, planned, fold, test, elapsed);
      }
      for (const [position, record] of test.entries())
        own[record] = gains[record]![trial.choices[position]!]!;
      seen.push(...test);
      seconds += trial.seconds;
      done++;
      isBehind = leader !== undefined && isClearlyBehind(compare(own, leader.gains, seen, records));
      const isOver = isBehind || done === folds;
      input.onTrial?.({
        done: standings.length * folds + (isOver ? folds : done),
        total,
        name: planned.name,
        fold,
        elapsedSeconds: elapsed(),
      });
      if (isOver) break;
    }
    const standing = standingOf({ planned, done, seconds, isBehind }, own, seen, input);
    standings.push(standing);
    if (standing.status === "evaluated" && standing.meanGain! > (leader?.standing.meanGain ?? -Infinity))
      leader = { standing, gains: own };
  }
  if (leader === undefined) throw nothingEvaluated(input, standings);
  return { standings, best: leader.standing, elapsedSeconds: elapsed(), hasBudgetEnded };
}

async function runTrial(
  { records, candidates, embedder, seed, signal, store }: SearchInput,
  { method, setting, name }: PlannedSetting,
  fold: number,
  test: readonly number[],
  elapsed: () => number,
): Promise<Trial> {
  const startedAt = elapsed();
  const held = new Set(test);
  const folder = store.workFolder(name, fold);
  const router = await method.train(
    records.filter((_, index) => !held.has(index)),
    candidates,
    setting,
    { embedder, seed, folder, ...(signal && { signal }) },
  );
  const choices = await chooseAll(
    router,
    test.map((index) => records[index]!),
    candidates,
  );
  await disposeRouter(router);
  const endedAt = elapsed();
  const trial = {
    name,
    fold,
    choices: [...choices],
    seconds: Math.max(0, endedAt - startedAt),
    elapsedSeconds: endedAt,
  };
  store.write(trial);
  rmSync(folder, { recursive: true, force: true });
  return trial;
}

function compare(
  own: Float64Array,
  leading: Float64Array,
  seen: readonly number[],
  records: readonly JudgedRecord[],
) {
  return pairedDifference(
    Float64Array.from(seen, (record) => own[record]! - leading[record]!),
    seen.map((record) => records[record]!.benchmark),
  );
}

function standingOf(
  run: { planned: PlannedSetting; done: number; seconds: number; isBehind: boolean },
  own: Float64Array,
  seen: readonly number[],
  { records, folds }: SearchInput,
): Standing {
  const { planned, done, seconds, isBehind } = run;
  if (done === 0) return { planned, status: "not tried", folds: 0, seconds };
  const status = done === folds ? "evaluated" : isBehind ? "dropped" : "unfinished";
  const meanGain = compare(own, new Float64Array(own.length), seen, records).mean;
  return { planned, status, folds: done, seconds, meanGain };
}

function nothingEvaluated({ folds, budgetSeconds }: SearchInput, [first]: readonly Standing[]): TuttiError {
  const done = first === undefined ? "" : `, ${first.planned.name} on ${first.folds}`;
  return new TuttiError(
    "BUDGET_EXHAUSTED",
    `the budget of ${budgetSeconds} s ended before any setting was evaluated on all ${folds} folds${done}`,
    {
      details: { budgetSeconds, folds },
      hint: "run the same command with a larger --budget: what was done is kept",
    },
  );
}
