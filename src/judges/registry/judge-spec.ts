/** How judges are named: in a few characters on a command line, or with all of their options in a file. */
import { z } from "zod";
import { TuttiError } from "../../support/errors.ts";
import { REWARD_ENDPOINTS } from "../reward/index.ts";

const text = z.string().min(1);
const share = z.enum(["all", "share"]);
const of = <Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) =>
  z.strictObject({ judge: z.literal(kind), ...shape });

const mathematics = {
  find: z.enum(["as-asked", "stated", "anywhere"]).optional(),
  form: z.enum(["as-asked", "any"]).optional(),
};
const constraints = { reading: z.enum(["strict", "loose"]).optional(), score: share.optional() };
const code = {
  credit: share.optional(),
  workers: z.int().min(1).max(256).optional().describe("processes per language"),
  timeSeconds: z.number().positive().optional(),
  memoryMegabytes: z.int().min(32).max(4096).optional(),
};
const scale = z.union([
  z.enum(["none", "sigmoid"]),
  z.strictObject({ mean: z.number(), deviation: z.number().positive() }),
]);

const single = [
  of("mathematics", mathematics),
  of("code", code),
  of("constraints", constraints),
  of("verifier", {
    mathematics: z.strictObject(mathematics).optional(),
    code: z.strictObject(code).optional(),
    constraints: z.strictObject(constraints).optional(),
  }),
  of("reward", {
    path: text.describe("folder or .gguf with a classification head, or hf:ORG/NAME"),
    name: text.optional(),
    label: text.optional(),
    scale: scale.optional(),
    threads: z.int().min(1).optional(),
    maxTokens: z.int().min(8).optional(),
  }),
  of("remote-reward", {
    name: text,
    endpoint: z.enum(REWARD_ENDPOINTS),
    baseUrl: text,
    model: text.optional(),
    label: text.optional(),
    revision: text.optional(),
    apiKeyEnv: text.optional(),
    apiKeyFile: text.optional(),
    timeoutMs: z.int().min(1).optional(),
    scale: scale.optional(),
  }),
  of("model", {
    model: text.describe("name in the pool"),
    rubric: text.describe("a built-in rubric, or a rubric file"),
    isSwapped: z.boolean().optional().describe("of pairs: both orders are shown"),
  }),
] as const;

const part = z.discriminatedUnion("judge", single);

/** A judge and its options. */
export const judgeSchema = z.discriminatedUnion("judge", [
  ...single,
  of("composite", { verifier: part, tieBreak: part, step: z.number().positive().optional() }),
]);

export type JudgeSpec = z.output<typeof judgeSchema>;
export type SingleJudgeSpec = z.output<typeof part>;

/** Fields of each kind, for suggestions. */
export const JUDGE_FIELDS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  judgeSchema.options.map(({ shape }) => [shape.judge.value, Object.keys(shape)]),
);

export const SHORT_FORMS = [
  "mathematics",
  "code",
  "constraints",
  "verifier",
  "reward:PATH",
  "model:NAME/RUBRIC",
  "VERIFIER>REWARD",
] as const;

function unknown(received: string, hint?: string): TuttiError {
  return new TuttiError(
    "INVALID_ARGUMENT",
    `judge: received ${JSON.stringify(received)}, expected ${SHORT_FORMS.join(", ")} or a .yaml file`,
    { hint: hint ?? "judges with options are described in a file: see docs/judges.md" },
  );
}

function parsePart(short: string): SingleJudgeSpec {
  const colon = short.indexOf(":");
  const kind = colon < 0 ? short : short.slice(0, colon);
  const rest = colon < 0 ? "" : short.slice(colon + 1);
  switch (kind) {
    case "mathematics":
    case "code":
    case "constraints":
    case "verifier":
      if (colon >= 0) break;
      return { judge: kind };
    case "reward":
      if (rest === "") break;
      return { judge: kind, path: rest };
    case "model": {
      // Names of models may hold slashes, names of rubrics do not.
      const slash = rest.lastIndexOf("/");
      if (slash <= 0 || slash === rest.length - 1) break;
      return { judge: kind, model: rest.slice(0, slash), rubric: rest.slice(slash + 1) };
    }
  }
  throw unknown(short);
}

/**
 * Reads a short form: a kind, `reward:PATH`, `model:NAME/RUBRIC`, or two with `>` between, a verifier and what breaks its ties.
 *
 * @throws {TuttiError} INVALID_ARGUMENT
 */
export function parseJudge(short: string): JudgeSpec {
  const parts = short.split(">");
  if (parts.length === 1) return parsePart(short);
  const [verifier, tieBreak] = parts;
  if (parts.length === 2) {
    return { judge: "composite", verifier: parsePart(verifier!), tieBreak: parsePart(tieBreak!) };
  }
  throw unknown(short, "a composite judge has two parts");
}

/** Models of the pool that are asked. */
export function judgingModels(spec: JudgeSpec): readonly string[] {
  if (spec.judge === "composite") return [...judgingModels(spec.verifier), ...judgingModels(spec.tieBreak)];
  return spec.judge === "model" ? [spec.model] : [];
}
