/**
 * The pool file: which models there are, how each is reached and what it costs. Secrets are named by environment
 * variable and never written in the file.
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { policyKeys, policySchema } from "./policy-config.ts";
import type { IssueDescription } from "./schema-issue.ts";
import { readYamlFile, type YamlFile } from "./yaml-file.ts";

/** Names under this prefix belong to the gateway itself. */
export const RESERVED_MODEL_PREFIX = "tutti/";

/** Node's own HTTP client gives up on a silent connection after five minutes, so longer limits would not hold. */
const LONGEST_TIMEOUT_MS = 300_000;

const costSchema = z.number().nonnegative().finite();

const pricingSchema = z.strictObject({
  inputCostUsdPerMillionTokens: costSchema.describe("US dollars for a million prompt tokens"),
  outputCostUsdPerMillionTokens: costSchema.describe("US dollars for a million generated tokens"),
});

const latencySchema = z.strictObject({
  timeToFirstTokenMs: z.number().nonnegative().finite(),
  tokensPerSecond: z.number().positive().finite(),
});

const commonFields = {
  name: z.string().min(1).describe("name that clients and routers use"),
  upstreamModel: z
    .string()
    .min(1)
    .optional()
    .describe("name of the model at the provider, or of the candidate in recorded files; default: name"),
  pricing: pricingSchema,
  contextWindowTokens: z.int().positive().optional().describe("longest prompt plus answer, in tokens"),
  latency: latencySchema.optional().describe("speed until the gateway has measured it"),
  supportsTools: z.boolean().optional().describe("false keeps requests with tools away"),
  supportsImages: z.boolean().optional().describe("false keeps requests with images away"),
};

const openAiCompatibleSchema = z.strictObject({
  ...commonFields,
  provider: z.literal("openai-compatible"),
  baseUrl: z.string().describe("where /chat/completions is found, usually ending in /v1"),
  apiKeyEnv: z.string().optional().describe("name of the environment variable that holds the API key"),
  timeoutMs: z
    .int()
    .positive()
    .max(LONGEST_TIMEOUT_MS)
    .default(120_000)
    .describe("longest wait for an answer, or in a stream for its next part, in milliseconds"),
});

const replaySchema = z.strictObject({ ...commonFields, provider: z.literal("replay") });

const poolSchema = z.strictObject({
  models: z.array(z.discriminatedUnion("provider", [openAiCompatibleSchema, replaySchema])).min(1),
  replay: z
    .strictObject({
      files: z
        .array(z.string().min(1))
        .min(1)
        .describe("judged-record files, .jsonl or .jsonl.gz, relative to the pool file"),
    })
    .optional()
    .describe("where models with provider replay find their recorded responses"),
  policy: policySchema.optional().describe("how tutti/auto chooses; without one, by the router's scores"),
});

export type PoolConfig = z.output<typeof poolSchema>;
export type PoolModelConfig = PoolConfig["models"][number];

const KEYS = {
  top: Object.keys(poolSchema.shape),
  replay: ["files"],
  pricing: Object.keys(pricingSchema.shape),
  latency: Object.keys(latencySchema.shape),
  "openai-compatible": Object.keys(openAiCompatibleSchema.shape),
} as const;

/** Keys under which people try to write a secret down. */
const SECRET_KEY = /^(api[-_]?key|key|token|access[-_]?token|secret|password|authorization|bearer)$/i;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SECRET_HINT =
  "put the secret in an environment variable and name that variable: apiKeyEnv: MY_PROVIDER_API_KEY";

/**
 * Reads and checks a pool file. Paths in `replay.files` come back absolute.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; POOL_INVALID naming file, line and field
 */
export function loadPoolConfig(path: string): PoolConfig {
  const file = readYamlFile(path, {
    schema: poolSchema,
    code: "POOL_INVALID",
    knownKeys: knownKeys,
    explain: explainSecret,
  });
  checkModels(file);
  const { replay, ...config } = file.value;
  if (replay === undefined) return config;
  return { ...config, replay: { files: replay.files.map((name) => resolve(dirname(path), name)) } };
}

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return KEYS.top;
  if (path[0] === "replay") return KEYS.replay;
  if (path[0] === "policy") return policyKeys(path);
  if (path.at(-1) === "pricing") return KEYS.pricing;
  if (path.at(-1) === "latency") return KEYS.latency;
  return KEYS["openai-compatible"];
}

function explainSecret(issue: IssueDescription): { problem: string; hint: string } | undefined {
  const key = issue.path.at(-1);
  if (issue.kind !== "unknown-key" || typeof key !== "string" || !SECRET_KEY.test(key)) return undefined;
  return { problem: "secrets are never written in the pool file", hint: SECRET_HINT };
}

function checkModels(file: YamlFile<PoolConfig>): void {
  const firstIndexOf = new Map<string, number>();
  for (const [index, model] of file.value.models.entries()) {
    const at = (...keys: PropertyKey[]) => ["models", index, ...keys];
    const earlier = firstIndexOf.get(model.name);
    if (earlier !== undefined) {
      throw file.fail(
        at("name"),
        `"${model.name}" is already the name of models[${earlier}]`,
        "give each model its own name",
      );
    }
    firstIndexOf.set(model.name, index);
    if (model.name.startsWith(RESERVED_MODEL_PREFIX)) {
      throw file.fail(
        at("name"),
        `received "${model.name}", but names under "${RESERVED_MODEL_PREFIX}" are reserved`,
        "rename the model",
      );
    }
    if (model.name.trim() !== model.name || /\p{Cc}/u.test(model.name)) {
      throw file.fail(at("name"), "expected no control characters and no white space at either end");
    }
    if (model.provider === "replay") {
      if (file.value.replay !== undefined) continue;
      throw file.fail(
        at("provider"),
        "a replay model needs recorded responses, but the file has no replay section",
        "add at the top level: replay: { files: [responses.jsonl.gz] }",
      );
    }
    // The received text is left out of both messages: it may be the secret itself.
    if (model.apiKeyEnv !== undefined && !VARIABLE_NAME.test(model.apiKeyEnv)) {
      throw file.fail(
        at("apiKeyEnv"),
        "expected the name of an environment variable (letters, digits, _)",
        SECRET_HINT,
      );
    }
    const problem = baseUrlProblem(model.baseUrl);
    if (problem !== undefined)
      throw file.fail(at("baseUrl"), problem, "write for example: http://127.0.0.1:8000/v1");
  }
}

function baseUrlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return "expected an absolute http or https URL";
  }
  if (url.username !== "" || url.password !== "") return "expected a URL without user name and password";
  if (url.search !== "" || url.hash !== "") return "expected a URL without query and fragment";
  return undefined;
}
