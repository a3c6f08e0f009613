/** Typed access to the fields of a row: every mismatch is an error that names file, line and field. */
import type { TuttiError } from "../../support/errors.ts";
import { describeReceived, fieldError, type RecordPlace } from "../place.ts";
import type { Json, JsonObject } from "../store/rows.ts";
import { memberPath } from "./data-record.ts";

/** A row, or an object inside of one. A field that is null counts as missing, as Parquet cannot tell them apart. */
export class Fields {
  readonly place: RecordPlace;
  readonly value: JsonObject;
  private readonly path: string;

  constructor(value: JsonObject, place: RecordPlace, path = "") {
    this.value = value;
    this.place = place;
    this.path = path;
  }

  /** The value, or undefined where it is missing or null. */
  get(name: string): Json | undefined {
    return Object.hasOwn(this.value, name) ? (this.value[name] ?? undefined) : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Whether {@link score} has something to read: the empty field of a CSV row is none. */
  hasScore(name: string): boolean {
    return this.has(name) && this.get(name) !== "";
  }

  names(): string[] {
    return Object.keys(this.value);
  }

  /** An error about a field of this object, to be thrown. */
  problem(name: string, expected: string, hint: string, received?: string): TuttiError {
    const found = Object.hasOwn(this.value, name) ? this.value[name] : undefined;
    const field = memberPath(this.path, name);
    return fieldError(this.place, { field, received: received ?? describeReceived(found), expected, hint });
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value === "string") return value;
    throw this.problem(
      name,
      "a string",
      "give the text as it was sent or written; an empty answer is an empty string",
    );
  }

  /** Text that is not blank. */
  words(name: string): string {
    const value = this.get(name);
    if (typeof value === "string" && value.trim() !== "") return value;
    throw this.problem(name, "a string that is not blank", "give the text, or leave the row out");
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  number(name: string): number {
    const value = this.get(name);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.problem(
      name,
      "a finite number",
      "judge the answer again, or leave the row out; a number is never guessed",
    );
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  /** A whole number of at least 0. */
  count(name: string): number {
    const value = this.get(name);
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw this.problem(
      name,
      "a whole number of at least 0",
      "leave the field out where the count is not known",
    );
  }

  optionalCount(name: string): number | undefined {
    return this.has(name) ? this.count(name) : undefined;
  }

  /** A name or number that tells rows apart, as text. */
  identifier(name: string): string {
    const value = this.get(name);
    if (typeof value === "string" && value.trim() !== "") return value;
    if (Number.isSafeInteger(value)) return String(value);
    throw this.problem(
      name,
      "a string that is not blank, or a whole number",
      "give every row an id of its own",
    );
  }

  /** A number or true or false, which count as 1 and 0; text of these too, as tables have no other values. */
  score(name: string): number {
    const value = this.get(name);
    if (typeof value === "boolean") return value ? 1 : 0;
    if (typeof value === "string") {
      if (/^true$/i.test(value)) return 1;
      if (/^false$/i.test(value)) return 0;
      if (/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value)) {
        const parsed = Number(value);
        if (Number.isFinite(parsed)) return parsed;
      }
      throw this.problem(
        name,
        "a finite number, True or False",
        "score the answer again, or leave the row out",
      );
    }
    return this.number(name);
  }

  object(name: string): Fields {
    const value = this.get(name);
    if (typeof value === "object" && !Array.isArray(value)) {
      return new Fields(value as JsonObject, this.place, memberPath(this.path, name));
    }
    throw this.problem(name, "an object", "check which format the file has; --format names it");
  }

  optionalObject(name: string): Fields | undefined {
    return this.has(name) ? this.object(name) : undefined;
  }

  list(name: string): readonly Json[] {
    const value = this.get(name);
    if (Array.isArray(value)) return value as readonly Json[];
    throw this.problem(name, "a list", "check which format the file has; --format names it");
  }

  /** A list of objects. */
  objects(name: string): Fields[] {
    return this.list(name).map((item, index) => {
      const field = `${memberPath(this.path, name)}[${index}]`;
      if (typeof item === "object" && item !== null && !Array.isArray(item)) {
        return new Fields(item as JsonObject, this.place, field);
      }
      throw fieldError(this.place, {
        field,
        received: describeReceived(item),
        expected: "an object",
        hint: "check which format the file has; --format names it",
      });
    });
  }

  /** A list of texts. */
  texts(name: string): readonly string[] {
    return this.list(name).map((item, index) => {
      if (typeof item === "string") return item;
      throw fieldError(this.place, {
        field: `${memberPath(this.path, name)}[${index}]`,
        received: describeReceived(item),
        expected: "a string",
        hint: "give every turn as text",
      });
    });
  }

  /** The members that are not among `names` and not null; undefined where there are none. */
  rest(names: readonly string[]): JsonObject | undefined {
    const others = Object.entries(this.value).filter(
      ([name, value]) => value !== null && !names.includes(name),
    );
    return others.length === 0 ? undefined : Object.fromEntries(others);
  }
}
