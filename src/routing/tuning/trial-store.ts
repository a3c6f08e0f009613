/**
 * What a search has done so far, in a folder: one file per trial, written atomically, so that a search killed anywhere
 * goes on with nothing repeated.
 *
 *   search.json    what is searched: a folder belongs to one search
 *   trials/        a setting on a fold: the choices for the fold's prompts, in record order
 *   choice.json    the setting that was chosen, written before the holdout is looked at
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { readJsonFile } from "../../support/json.ts";
import type { PlannedSetting } from "./plan.ts";

/** Of a file with a choice per prompt: a million prompts. */
const TRIAL_LIMITS = { bytes: 1 << 24, depth: 8, values: 1 << 21 };

const identitySchema = z.strictObject({
  format: z.literal("tutti-tuning-search-1"),
  data: z.string(),
  holdout: z.string(),
  candidates: z.array(z.string()),
  seed: z.int(),
  folds: z.int(),
  holdoutShare: z.number(),
  embedder: z.string(),
  settings: z.array(z.string()),
});

/** Everything that the trials depend on. The budget is not part of it: it may be raised. */
export type SearchIdentity = z.infer<typeof identitySchema>;

const trialSchema = z.strictObject({
  name: z.string(),
  fold: z.int().nonnegative(),
  /** Index of the chosen candidate for each prompt of the fold. */
  choices: z.array(z.int().nonnegative()),
  seconds: z.number().nonnegative(),
  /** Time of the whole search when the trial ended, earlier runs included. */
  elapsedSeconds: z.number().nonnegative(),
});

export type Trial = z.infer<typeof trialSchema>;

const choiceSchema = z.strictObject({ name: z.string() });

export class TrialStore {
  private readonly folder: string;

  /**
   * @throws {TuttiError} CHECKPOINT_MISMATCH when the folder belongs to another search; CHECKPOINT_INVALID for a damaged
   *   file
   */
  constructor(folder: string, identity: SearchIdentity) {
    this.folder = folder;
    const path = join(folder, "search.json");
    if (existsSync(path)) requireSame(path, readChecked(path, identitySchema), identity);
    else {
      mkdirSync(this.trialsFolder, { recursive: true });
      writeFileAtomic(path, `${JSON.stringify(identity, null, 1)}\n`);
    }
  }

  private get trialsFolder(): string {
    return join(this.folder, "trials");
  }

  private pathOf(name: string, fold: number): string {
    return join(this.trialsFolder, `${fileName(name)}.fold-${fold}.json`);
  }

  /** Where a trial may keep checkpoints while it trains. */
  workFolder(name: string, fold: number): string {
    return join(this.folder, "work", `${fileName(name)}.fold-${fold}`);
  }

  /** @throws {TuttiError} CHECKPOINT_INVALID for a file that does not fit the fold */
  read({ name }: PlannedSetting, fold: number, prompts: number, candidates: number): Trial | undefined {
    const path = this.pathOf(name, fold);
    if (!existsSync(path)) return undefined;
    const trial = readChecked(path, trialSchema);
    const fits =
      trial.name === name &&
      trial.fold === fold &&
      trial.choices.length === prompts &&
      trial.choices.every((choice) => choice < candidates);
    if (!fits) throw damaged(path, "does not hold the choices of its fold");
    return trial;
  }

  write(trial: Trial): void {
    writeFileAtomic(this.pathOf(trial.name, trial.fold), `${JSON.stringify(trial)}\n`);
  }

  /** Search time of all runs so far, in seconds. */
  elapsedSeconds(): number {
    if (!existsSync(this.trialsFolder)) return 0;
    const files = readdirSync(this.trialsFolder).filter((file) => file.endsWith(".json"));
    return files.reduce(
      (most, file) => Math.max(most, readChecked(join(this.trialsFolder, file), trialSchema).elapsedSeconds),
      0,
    );
  }

  /** Name of the setting that an earlier run chose. */
  chosen(): string | undefined {
    const path = join(this.folder, "choice.json");
    return existsSync(path) ? readChecked(path, choiceSchema).name : undefined;
  }

  choose(name: string): void {
    writeFileAtomic(join(this.folder, "choice.json"), `${JSON.stringify({ name })}\n`);
  }
}

const fileName = (name: string): string => name.replaceAll(" ", "_").replaceAll("=", "-");

const damaged = (path: string, problem: string, cause?: unknown): TuttiError =>
  new TuttiError("CHECKPOINT_INVALID", `${path}: ${problem}`, {
    cause,
    details: { path },
    hint: "delete the file: that part of the search is done again",
  });

function readChecked<T>(path: string, schema: z.ZodType<T>): T {
  const json = readJsonFile(path, TRIAL_LIMITS, (problem, cause) => damaged(path, problem, cause));
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw damaged(path, `${issue.path.join(".")}: ${issue.message}`);
}

function requireSame(path: string, stored: SearchIdentity, wanted: SearchIdentity): void {
  const differing = (Object.keys(wanted) as (keyof SearchIdentity)[]).filter(
    (field) => JSON.stringify(stored[field]) !== JSON.stringify(wanted[field]),
  );
  if (differing.length === 0) return;
  throw new TuttiError(
    "CHECKPOINT_MISMATCH",
    `${path}: the folder holds a search with other ${differing.join(", ")}`,
    {
      details: { path, differing },
      hint: "repeat the options of the first run, or give another --out",
    },
  );
}
