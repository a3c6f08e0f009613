/** JSON answers: with or without a Markdown fence, bounded in size, checked against a JSON schema where one is given. */
import { Ajv, type ValidateFunction } from "ajv";
import { RE2JS } from "re2js";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { type JsonLimits, parseJsonBytes } from "../../support/json.ts";
import { excerpt, type Finding, finding } from "./finding.ts";

const LIMITS: JsonLimits = { bytes: 1 << 22, depth: 200, values: 1 << 14 };
const MAX_KEPT_SCHEMAS = 256;

class NotJson extends Error {}

/** Patterns of schemas run in RE2, whose time grows with the length of the text only. */
const linearPattern = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text: string): boolean => compiled.matcher(text).find() };
  },
  { code: "linearPattern" },
);

const kept = new Map<string, ValidateFunction>();

function validator(schema: object | boolean, place: string): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = kept.get(key);
  if (known !== undefined) return known;
  const ajv = new Ajv({
    strict: false,
    validateFormats: false,
    addUsedSchema: false,
    logger: false,
    code: { regExp: linearPattern },
  });
  try {
    const compiled = ajv.compile(schema);
    if (kept.size >= MAX_KEPT_SCHEMAS) kept.clear();
    kept.set(key, compiled);
    return compiled;
  } catch (cause) {
    throw new TuttiError("JUDGE_INVALID", `${place}: not a JSON schema: ${messageOf(cause)}`, {
      hint: "check the schema; references to other files are not followed, and patterns are those of RE2",
      cause,
    });
  }
}

/** The content of a fence that spans the whole answer, or the answer. */
const unfenced = (text: string): string =>
  /^```(?:json|JSON)?[^\S\n]*\n([\s\S]*?)\n?```$/.exec(text.trim())?.[1] ?? text.trim();

type Parsed = { readonly value: unknown } | { readonly problem: string };

function parsed(text: string): Parsed {
  const bytes = new TextEncoder().encode(unfenced(text));
  if (bytes.length > LIMITS.bytes) return { problem: `longer than ${LIMITS.bytes} bytes` };
  try {
    return { value: parseJsonBytes(bytes, LIMITS, (problem) => new NotJson(problem)).value };
  } catch (error) {
    if (error instanceof NotJson) return { problem: error.message };
    throw error;
  }
}

export function checkJson(text: string): Finding {
  const result = parsed(text);
  return finding("value" in result, "value" in result ? "JSON" : excerpt(result.problem));
}

/** @throws {TuttiError} JUDGE_INVALID where the schema is none */
export function checkJsonSchema(text: string, schema: object | boolean, place: string): Finding {
  const validate = validator(schema, place);
  const result = parsed(text);
  if (!("value" in result)) return finding(false, excerpt(result.problem));
  if (validate(result.value)) return finding(true, "valid");
  const [error] = validate.errors ?? [];
  return finding(false, excerpt(`${error?.instancePath || "the value"} ${error?.message}`));
}
