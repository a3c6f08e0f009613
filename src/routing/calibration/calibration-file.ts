/** `calibration.json` of a router folder: the curves of every calibrated method, and how well they did. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../../support/json.ts";
import { parseHeader } from "../bundle.ts";
import type { RouterCalibration } from "./calibrated-router.ts";
import { curveSchema } from "./curve.ts";
import { CALIBRATION_METHODS } from "./methods.ts";

const errorsSchema = z.strictObject({ brier: z.number(), logLoss: z.number() });

const fileSchema = z.strictObject({
  format: z.literal("tutti-calibration-1"),
  candidates: z.array(z.string().min(1)).min(1),
  /** How many prompts the curves were fitted on; no router was trained on any of them. */
  heldOutPrompts: z.int().positive(),
  /** Errors of expecting each candidate's mean quality on these prompts. */
  meanQuality: errorsSchema,
  routers: z.record(
    z.string(),
    z.strictObject({
      method: z.enum(CALIBRATION_METHODS),
      /** Cross-validated on the held-out prompts. */
      errors: z.strictObject({
        temperature: errorsSchema,
        platt: errorsSchema,
        "platt-per-candidate": errorsSchema,
        isotonic: errorsSchema,
      }),
      /** What score and easiness count; see fit.ts. */
      weights: z.strictObject({ score: z.number().nonnegative(), easiness: z.number().nonnegative() }),
      /** By candidate. */
      curves: z.record(z.string(), curveSchema),
    }),
  ),
});

export type CalibrationFile = z.infer<typeof fileSchema>;

const pathOf = (folder: string): string => join(folder, "calibration.json");

/** @throws {TuttiError} FILE_WRITE_FAILED */
export function saveCalibration(folder: string, content: CalibrationFile): void {
  writeFileAtomic(pathOf(folder), `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * Reads what {@link saveCalibration} wrote; undefined when the folder was never calibrated.
 *
 * @throws {TuttiError} ROUTER_INVALID naming file and field, also when the curves are for other candidates
 */
export function loadCalibration(folder: string, candidates: readonly string[]): CalibrationFile | undefined {
  const path = pathOf(folder);
  if (!existsSync(path)) return undefined;
  const json = readJsonFile(path, CONFIGURATION_LIMITS, (problem, cause) => {
    return new TuttiError("ROUTER_INVALID", `${path}: ${problem}`, { cause, details: { path } });
  });
  const content = parseHeader(path, fileSchema, json, "");
  const fail = (field: string, received: readonly string[]): TuttiError =>
    new TuttiError(
      "ROUTER_INVALID",
      `${path}: ${field} are for ${received.join(", ")}, the router has ${candidates.join(", ")}`,
      { details: { path, field }, hint: "train the router again, or copy its whole folder" },
    );
  if (content.candidates.join("\n") !== candidates.join("\n")) throw fail("candidates", content.candidates);
  for (const [name, { curves }] of Object.entries(content.routers)) {
    const own = Object.keys(curves);
    if (
      own.length !== candidates.length ||
      !candidates.every((candidate) => Object.hasOwn(curves, candidate))
    )
      throw fail(`routers.${name}.curves`, own);
  }
  return content;
}

/** Curves in candidate order; undefined for a router that was not calibrated. */
export function calibrationOf(content: CalibrationFile, router: string): RouterCalibration | undefined {
  if (!Object.hasOwn(content.routers, router)) return undefined;
  const { weights, curves } = content.routers[router]!;
  return { weights, curves: content.candidates.map((name) => curves[name]!) };
}
