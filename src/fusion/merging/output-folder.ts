/** The folder of a merge in the making: beside its final place until all is there, and found again by the same merge. */
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../../support/json.ts";

const PLAN = "merge-plan.json";

/** The path with links resolved as far as it exists. */
function realPlace(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  const above = dirname(whole);
  return above === whole ? whole : join(realPlace(above), basename(whole));
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

/** Refuses an output that exists, or that lies in a model that is read, or that a model lies in. */
function checkPlace(out: string, inputs: readonly string[]): void {
  const place = realPlace(out);
  for (const input of inputs.map(realPlace)) {
    if (!isWithin(place, input) && !isWithin(input, place)) continue;
    throw new TuttiError("INVALID_ARGUMENT", `${out} and the model ${input} lie within one another`, {
      details: { out, input },
      hint: "write to a folder of its own: models that are read are never written to",
    });
  }
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new TuttiError("INVALID_ARGUMENT", `${out} exists already`, {
      details: { out },
      hint: "name a new folder, or remove the old one first",
    });
  }
}

export class OutputFolder {
  /** Where files are written. */
  readonly path: string;
  private readonly out: string;

  /**
   * Opens the folder of a merge: a new one, or that of an earlier run with the same plan.
   *
   * @param plan JSON of all that the merged files depend on
   * @throws {TuttiError} INVALID_ARGUMENT (place), CHECKPOINT_MISMATCH (another merge's work lies there), FILE_WRITE_FAILED
   */
  constructor(out: string, inputs: readonly string[], plan: object) {
    checkPlace(out, inputs);
    this.out = resolve(out);
    this.path = `${this.out}.merging`;
    if (existsSync(this.path) && readdirSync(this.path).length > 0) this.checkPlan(plan);
    mkdirSync(this.path, { recursive: true });
    writeFileAtomic(join(this.path, PLAN), `${JSON.stringify(plan, null, 2)}\n`);
  }

  has(file: string): boolean {
    return existsSync(join(this.path, file));
  }

  /** Moves the folder to its final place. */
  finish(): void {
    for (const name of readdirSync(this.path))
      if (name.endsWith(".tmp")) rmSync(join(this.path, name), { force: true });
    try {
      if (existsSync(this.out)) rmdirSync(this.out);
      renameSync(this.path, this.out);
      rmSync(join(this.out, PLAN), { force: true });
    } catch (cause) {
      throw new TuttiError(
        "FILE_WRITE_FAILED",
        `could not move ${this.path} to ${this.out}: ${messageOf(cause)}`,
        {
          cause,
          details: { path: this.out },
          hint: `the merged model is whole in ${this.path}: move it by hand`,
        },
      );
    }
  }

  private checkPlan(plan: object): void {
    const mismatch = (problem: string, cause?: unknown): TuttiError =>
      new TuttiError("CHECKPOINT_MISMATCH", `${this.path} ${problem}`, {
        ...(cause === undefined ? {} : { cause }),
        details: { path: this.path },
        hint: "run the merge that was begun there, or remove that folder",
      });
    const path = join(this.path, PLAN);
    if (!existsSync(path)) throw mismatch("is not the folder of an unfinished merge");
    const found = readJsonFile(path, CONFIGURATION_LIMITS, (problem, cause) =>
      mismatch(`: ${PLAN} ${problem}`, cause),
    );
    if (JSON.stringify(found) !== JSON.stringify(plan))
      throw mismatch("holds the work of another merge: other models, files or settings");
  }
}
