/** JSON of one row, with limits on what it may become. */
import { TuttiError } from "../../../support/errors.ts";
import { parseJsonBytes } from "../../../support/json.ts";
import { placeError, type RecordPlace } from "../../place.ts";
import { parseRow } from "../../read.ts";
import { asDataRecord, type DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";

/** Rows up to here are parsed first and checked afterwards. */
const SMALL_CHARACTERS = 1 << 18;

/** @throws {TuttiError} RECORD_INVALID naming file, line and, where there is one, the field */
export function rowOfJson(text: string, place: RecordPlace, limits: ImportLimits): DataRecord {
  if (text.length > SMALL_CHARACTERS) {
    const bounds = { bytes: limits.lineBytes, depth: limits.depth, values: limits.rowValues };
    const refuse = (problem: string): TuttiError =>
      placeError("RECORD_INVALID", place, `the row ${problem}`, { hint: "check what wrote the file" });
    const isExcess = (error: unknown): boolean =>
      TuttiError.is(error) && /nested more than|holds more than/.test(error.message);
    try {
      return asDataRecord(parseJsonBytes(Buffer.from(text), bounds, refuse).value, place, limits);
    } catch (error) {
      // Of what is no JSON, parseRow says more.
      if (isExcess(error) || !TuttiError.is(error) || !error.message.includes("is not JSON")) throw error;
    }
  }
  return asDataRecord(parseRow(text, place), place, limits);
}
