/** Rubric files: what a judging model is told, as YAML. */
import { z } from "zod";
import { readYamlFile } from "./yaml-file.ts";

const rubricSchema = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1).describe("a new one for every change of meaning"),
  kind: z.enum(["pointwise", "pairwise"]),
  system: z.string().optional(),
  prompt: z.string().min(1).describe("with {question} and {answer}, or {answer_a} and {answer_b}"),
  output: z.enum(["rating", "choice", "arena-hard", "json", "tokens"]),
  scale: z.strictObject({ least: z.number(), most: z.number() }).optional(),
  labels: z
    .strictObject({ first: z.string().min(1), second: z.string().min(1), tie: z.string().min(1) })
    .optional(),
  parameters: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe("sampling parameters"),
  repairs: z.int().min(0).max(5).optional().describe("how often to ask again"),
});

export type RubricConfig = z.output<typeof rubricSchema>;

function rubricKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(rubricSchema.shape);
  if (path[0] === "scale") return ["least", "most"];
  return path[0] === "labels" ? ["first", "second", "tie"] : [];
}

/**
 * Reads a rubric. Whether its parts fit together is checked by the judge that is made of it.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; JUDGE_INVALID with file, line and field
 */
export function loadRubric(path: string): RubricConfig {
  return readYamlFile(path, { schema: rubricSchema, code: "JUDGE_INVALID", knownKeys: rubricKeys }).value;
}
