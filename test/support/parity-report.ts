/**
 * What comparisons with recorded runs observed: one JSON line each, in the file that TUTTI_PARITY_REPORT names.
 * tools/parity-page.ts makes docs/parity.md of them.
 */
import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { expect } from "vitest";

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

export interface ParityObservation {
  /** Name of the test's file, without its endings. */
  readonly file: string;
  /** Titles of the test and what it stands in, outermost first. */
  readonly test: readonly string[];
  readonly label: string;
  readonly tolerance: Tolerance;
  /** Largest |received - expected|. */
  readonly largestError: number;
  /** Largest |received - expected| / (absolute + relative |expected|): 1 is the limit. */
  readonly shareOfTolerance: number;
}

/** Records a comparison when a report is asked for; checks nothing. */
export function recordParity(
  received: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  label: string,
): void {
  const path = process.env.TUTTI_PARITY_REPORT;
  if (path === undefined) return;
  let [largestError, shareOfTolerance] = [0, 0];
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(received[index]! - expected[index]!);
    const allowed = tolerance.absolute + tolerance.relative * Math.abs(expected[index]!);
    largestError = Math.max(largestError, error);
    if (error > 0) shareOfTolerance = Math.max(shareOfTolerance, error / allowed);
  }
  const { testPath = "", currentTestName = "" } = expect.getState();
  const observation: ParityObservation = {
    file: basename(testPath).replace(/(\.slow)?\.test\.ts$/, ""),
    test: currentTestName.split(" > "),
    label,
    tolerance,
    largestError,
    shareOfTolerance,
  };
  appendFileSync(path, `${JSON.stringify(observation)}\n`);
}
