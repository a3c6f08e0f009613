/**
 * The pool file: which models there are, how each is reached and what it costs. Secrets are named by environment
 * variable or file and never written in the pool file.
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { listedModel } from "./model-prices.ts";
import { policyKeys } from "./policy-config.ts";
import { POOL_KEYS, poolSchema } from "./pool-schema.ts";
import type { IssueDescription } from "./schema-issue.ts";
import { readYamlFile, type YamlFile } from "./yaml-file.ts";

/** Names under this prefix belong to the gateway itself. */
export const RESERVED_MODEL_PREFIX = "tutti/";

export type PoolConfig = Omit<PoolFile, "models"> & { readonly models: readonly PoolModelConfig[] };
type PoolFile = z.output<typeof poolSchema>;
type PoolFileModel = PoolFile["models"][number];
/** A model of a pool file, whose price is known: its own, none for local models, or the listed one. */
export type PoolModelConfig = PoolFileModel & { readonly pricing: NonNullable<PoolFileModel["pricing"]> };

/** Keys under which people try to write a secret down. */
const SECRET_KEY = /^(api[-_]?key|key|token|access[-_]?token|secret|password|authorization|bearer)$/i;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SECRET_HINT =
  "put the secret in an environment variable and name that variable: apiKeyEnv: MY_PROVIDER_API_KEY";
const FREE = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };
/** A reference to the model hub rather than a path. */
const HUB_REFERENCE = /^hf:/;

/**
 * Reads and checks a pool file. Paths come back absolute, listed prices and context windows filled in.
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
  const models = config.models.map((model, index) => withAbsolutePaths(path, withPrice(file, model, index)));
  if (replay === undefined) return { ...config, models };
  return { ...config, models, replay: { files: replay.files.map((name) => resolve(dirname(path), name)) } };
}

function withPrice(file: YamlFile<PoolFile>, model: PoolFileModel, index: number): PoolModelConfig {
  const listed =
    "baseUrl" in model ? listedModel(model.baseUrl, model.upstreamModel ?? model.name) : undefined;
  const pricing =
    model.pricing ??
    (model.provider === "local" ? FREE : undefined) ??
    (listed && {
      inputCostUsdPerMillionTokens: listed.inputCostUsdPerMillionTokens,
      outputCostUsdPerMillionTokens: listed.outputCostUsdPerMillionTokens,
    });
  if (pricing === undefined) {
    throw file.fail(
      ["models", index, "pricing"],
      "missing, expected an object: no price is listed for this model",
      "write for example: pricing: { inputCostUsdPerMillionTokens: 0.5, outputCostUsdPerMillionTokens: 1.5 }",
    );
  }
  const contextWindowTokens = model.contextWindowTokens ?? listed?.contextWindowTokens;
  return { ...model, pricing, ...(contextWindowTokens !== undefined && { contextWindowTokens }) };
}

function withAbsolutePaths(poolFile: string, model: PoolModelConfig): PoolModelConfig {
  const absolute = (path: string): string => resolve(dirname(poolFile), path);
  if (model.provider === "replay") return model;
  if (model.provider !== "local") {
    return model.apiKeyFile === undefined ? model : { ...model, apiKeyFile: absolute(model.apiKeyFile) };
  }
  const { path, chatTemplateFile } = model;
  return {
    ...model,
    path: HUB_REFERENCE.test(path) ? path : absolute(path),
    ...(chatTemplateFile !== undefined && { chatTemplateFile: absolute(chatTemplateFile) }),
  };
}

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return POOL_KEYS.top;
  if (path[0] === "replay") return POOL_KEYS.replay;
  if (path[0] === "policy") return policyKeys(path);
  const last = path.at(-1);
  if (last === "pricing" || last === "latency" || last === "limits") return POOL_KEYS[last];
  return POOL_KEYS.model;
}

function explainSecret(issue: IssueDescription): { problem: string; hint: string } | undefined {
  const key = issue.path.at(-1);
  if (issue.kind !== "unknown-key" || typeof key !== "string" || !SECRET_KEY.test(key)) return undefined;
  return { problem: "secrets are never written in the pool file", hint: SECRET_HINT };
}

function checkModels(file: YamlFile<PoolFile>): void {
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
    if (model.provider === "local") continue;
    if (model.apiKeyEnv !== undefined && model.apiKeyFile !== undefined) {
      throw file.fail(at("apiKeyFile"), "received a file beside apiKeyEnv", "keep one of the two");
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
