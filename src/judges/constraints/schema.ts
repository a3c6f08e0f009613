/** Verifiable instructions as data: `prompt.reference.constraints`. */
import { z } from "zod";
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";

const count = z.number().int().nonnegative();
/** At least one of the two bounds; both inclusive. */
const bounds = { atLeast: count.optional(), atMost: count.optional() };
const words = z.array(z.string().min(1)).min(1).max(1000);

const of = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.strictObject({ kind: z.literal(kind), ...shape });

const SCHEMAS = {
  // length
  words: of("words", bounds),
  sentences: of("sentences", bounds),
  paragraphs: of("paragraphs", { ...bounds, separator: z.enum(["blank-line", "stars"]).optional() }),
  characters: of("characters", bounds),
  "paragraph-start": of("paragraph-start", {
    paragraph: z.number().int().positive(),
    of: z.number().int().positive().optional(),
    word: z.string().min(1),
  }),
  // format
  bullets: of("bullets", bounds),
  highlights: of("highlights", bounds),
  placeholders: of("placeholders", bounds),
  sections: of("sections", { marker: z.string().min(1), ...bounds }),
  title: of("title", {}),
  postscript: of("postscript", { marker: z.string().min(1) }),
  "two-responses": of("two-responses", {}),
  quotation: of("quotation", {}),
  "no-commas": of("no-commas", {}),
  json: of("json", {}),
  "json-schema": of("json-schema", { schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]) }),
  // content
  keywords: of("keywords", { words }),
  "keyword-frequency": of("keyword-frequency", { word: z.string().min(1), ...bounds }),
  "forbidden-words": of("forbidden-words", { words }),
  "letter-frequency": of("letter-frequency", { letter: z.string().min(1).max(8), ...bounds }),
  start: of("start", { phrase: z.string().min(1) }),
  end: of("end", { phrase: z.string().min(1) }),
  "one-of": of("one-of", { phrases: words }),
  pattern: of("pattern", { pattern: z.string().min(1).max(1000), isForbidden: z.boolean().optional() }),
  // case and language
  uppercase: of("uppercase", {}),
  lowercase: of("lowercase", {}),
  "capital-words": of("capital-words", bounds),
  language: of("language", { language: z.string().regex(/^[a-z]{2}$/, "expected two letters of ISO 639-1") }),
};

export type ConstraintKind = keyof typeof SCHEMAS;
export type Constraint = { [K in ConstraintKind]: z.output<(typeof SCHEMAS)[K]> }[ConstraintKind];
export type ConstraintOf<K extends ConstraintKind> = z.output<(typeof SCHEMAS)[K]>;

export const CONSTRAINT_KINDS = Object.keys(SCHEMAS) as readonly ConstraintKind[];
const MAX_CONSTRAINTS = 100;

function refuse(field: string, problem: string, hint: string): TuttiError {
  return new TuttiError("JUDGE_INVALID", `${field}: ${problem}`, { hint, details: { field } });
}

const HINT = "docs/judges.md lists the kinds and their fields";

function checkedConstraint(value: unknown, field: string): Constraint {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== "string" || !Object.hasOwn(SCHEMAS, kind)) {
    const suggestion = typeof kind === "string" ? didYouMean(kind, CONSTRAINT_KINDS) : undefined;
    throw refuse(
      `${field}.kind`,
      `received ${shown(kind)}, expected one of ${CONSTRAINT_KINDS.join(", ")}`,
      suggestion ? `${suggestion}; ${HINT}` : HINT,
    );
  }
  const parsed = SCHEMAS[kind as ConstraintKind].safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue!.path
      .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
      .join("");
    throw refuse(`${field}${path}`, `${issue!.message} (kind ${JSON.stringify(kind)})`, HINT);
  }
  const constraint = parsed.data as Constraint;
  if ("atLeast" in SCHEMAS[kind as ConstraintKind].shape) {
    const { atLeast, atMost } = constraint as { atLeast?: number; atMost?: number };
    if (atLeast === undefined && atMost === undefined) {
      throw refuse(
        field,
        `received neither atLeast nor atMost (kind ${JSON.stringify(kind)})`,
        "give one or both",
      );
    }
    if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
      throw refuse(field, `received atLeast ${atLeast} above atMost ${atMost}`, "swap or correct them");
    }
  }
  return constraint;
}

/** Checks `reference.constraints`. @throws {TuttiError} JUDGE_INVALID naming the field */
export function checkedConstraints(value: unknown, place: string): readonly Constraint[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_CONSTRAINTS) {
    throw refuse(
      place,
      `received ${shown(value)}, expected a list of 1 to ${MAX_CONSTRAINTS} constraints`,
      HINT,
    );
  }
  return value.map((constraint, index) => checkedConstraint(constraint, `${place}[${index}]`));
}
