/** One row of a file as it was found, checked for what could not be kept or would take too much to keep. */
import { describeReceived, fieldError, placeError, type RecordPlace } from "../place.ts";
import type { JsonObject } from "../store/rows.ts";
import type { ImportLimits } from "./limits.ts";

/** A row of a file in whatever container: JSON lines, a JSON list, CSV, Parquet. */
export interface DataRecord {
  /** `line` is the line on which the row starts; in Parquet, where there are none, the number of the row. */
  readonly place: RecordPlace;
  readonly value: JsonObject;
}

const PLAIN_NAME = /^[A-Za-z_]\w*$/;

/** The path of a member inside a row, as one would write it in code. */
export function memberPath(path: string, name: string): string {
  if (!PLAIN_NAME.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function textProblem(text: string): string | undefined {
  // Of ES2024, which Node 20 has and the language level of this package does not.
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed())
    return "text with half of a surrogate pair";
  return undefined;
}

class RecordCheck {
  private readonly place: RecordPlace;
  private readonly limits: ImportLimits;
  private values = 0;

  constructor(place: RecordPlace, limits: ImportLimits) {
    this.place = place;
    this.limits = limits;
  }

  check(value: unknown, path: string, depth: number): void {
    if (++this.values > this.limits.rowValues) {
      throw placeError(
        "RECORD_INVALID",
        this.place,
        `received a row of more than ${this.limits.rowValues} values`,
        {
          hint: "cut the row into several, one prompt each",
        },
      );
    }
    if (typeof value === "string") this.checkText(value, path);
    else if (typeof value === "number") this.checkNumber(value, path);
    else if (typeof value === "object" && value !== null) this.checkMembers(value, path, depth);
  }

  private checkMembers(value: object, path: string, depth: number): void {
    if (depth > this.limits.depth) {
      throw placeError(
        "RECORD_INVALID",
        this.place,
        `received a row nested more than ${this.limits.depth} deep, expected the shape of a data set`,
        { hint: "check what wrote the file" },
      );
    }
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++)
        this.check(value[index], `${path}[${index}]`, depth + 1);
      return;
    }
    for (const [name, member] of Object.entries(value)) {
      const problem = textProblem(name);
      if (problem !== undefined) this.refuse(path || "(row)", `a name that is ${problem}`, "a plain name");
      this.check(member, memberPath(path, name), depth + 1);
    }
  }

  private checkText(text: string, path: string): void {
    const problem = textProblem(text);
    if (problem !== undefined) this.refuse(path, problem, "well-formed Unicode");
  }

  private checkNumber(value: number, path: string): void {
    if (!Number.isFinite(value)) this.refuse(path, describeReceived(value), "a finite number");
  }

  private refuse(field: string, received: string, expected: string): never {
    throw fieldError(this.place, {
      field,
      received,
      expected,
      hint: "repair or leave out the row; nothing is guessed",
    });
  }
}

/**
 * The value as a row.
 *
 * @throws {TuttiError} RECORD_INVALID: not an object, nested or filled beyond the limits, text that is not well-formed Unicode,
 *   numbers beyond the range of a double
 */
export function asDataRecord(value: unknown, place: RecordPlace, limits: ImportLimits): DataRecord {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fieldError(place, {
      field: "(row)",
      received: describeReceived(value),
      expected: "a JSON object",
      hint: "write one object per row",
    });
  }
  new RecordCheck(place, limits).check(value, "", 0);
  return { place, value: value as JsonObject };
}
