/**
 * Stages of a long pipeline: what is done is known by a hash of everything it was made from, so that a run that was killed goes on,
 * a run of the same settings does nothing, and a changed setting redoes what depends on it and no more.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, type JsonObject } from "../judged/index.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, readJsonFile } from "../support/json.ts";

export interface Stage<Result extends JsonObject> {
  readonly name: string;
  /** Everything that the result is a function of; results of earlier stages by their digests. */
  readonly inputs: JsonObject;
  /** Whether the files or rows that the result speaks of are still there. @default they are */
  isIntact?(result: Result, folder: string): boolean | Promise<boolean>;
  /**
   * Does the work, or goes on with what a killed process has left.
   *
   * @param folder for the stage's own files; it is there, and no other inputs ever use it
   */
  run(folder: string): Promise<Result>;
}

export interface StageResult<Result extends JsonObject> {
  readonly name: string;
  readonly result: Result;
  /** SHA-256 of the result: equal results of other settings lead to no new work behind them. */
  readonly digest: string;
  readonly folder: string;
  /** Whether an earlier run had done it. */
  readonly wasDone: boolean;
}

const NAME_DIGITS = 12;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const pathsOf = (runFolder: string, name: string, inputs: JsonObject) => {
  const place = join(runFolder, "stages", `${name}-${sha256(canonicalJson(inputs)).slice(0, NAME_DIGITS)}`);
  return { folder: place, file: `${place}.json` };
};

function readResult<Result extends JsonObject>(file: string, inputs: JsonObject): Result | undefined {
  if (!existsSync(file)) return undefined;
  const refuse = (problem: string, cause?: unknown) =>
    new TuttiError("FILE_CORRUPT", `${file} ${problem}`, {
      cause,
      details: { path: file },
      hint: "delete the file, and the stage is done again",
    });
  const value = readJsonFile(file, CONFIGURATION_LIMITS, refuse);
  if (!isJsonObject(value) || !isJsonObject(value.result)) throw refuse("is no result of a stage");
  if (canonicalJson(value.inputs as JsonObject) !== canonicalJson(inputs)) {
    throw refuse("was made from other inputs than its name says");
  }
  return value.result as Result;
}

/**
 * What an earlier run has left of the stage, if it finished it.
 *
 * @throws {TuttiError} FILE_CORRUPT
 */
export async function finishedStage<Result extends JsonObject>(
  runFolder: string,
  { name, inputs, isIntact }: Pick<Stage<Result>, "name" | "inputs" | "isIntact">,
): Promise<StageResult<Result> | undefined> {
  const { folder, file } = pathsOf(runFolder, name, inputs);
  const result = readResult<Result>(file, inputs);
  if (result === undefined || (await isIntact?.(result, folder)) === false) return undefined;
  return { name, result, digest: sha256(canonicalJson(result)), folder, wasDone: true };
}

/**
 * Does a stage unless it is done. The result is written last and atomically: it is there, whole, or the stage is not done.
 *
 * @throws {TuttiError} FILE_CORRUPT, FILE_WRITE_FAILED, and what the stage throws
 */
export async function runStage<Result extends JsonObject>(
  runFolder: string,
  stage: Stage<Result>,
): Promise<StageResult<Result>> {
  const finished = await finishedStage(runFolder, stage);
  if (finished !== undefined) return finished;
  const { name, inputs } = stage;
  const { folder, file } = pathsOf(runFolder, name, inputs);
  mkdirSync(folder, { recursive: true });
  const result = await stage.run(folder);
  writeFileAtomic(file, `${JSON.stringify({ stage: name, inputs, result }, null, 1)}\n`);
  // Read back: what JSON cannot hold must not make this run differ from the next one.
  const stored = readResult<Result>(file, inputs)!;
  return { name, result: stored, digest: sha256(canonicalJson(stored)), folder, wasDone: false };
}
