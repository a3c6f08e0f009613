/** From a pool file to a pool that can answer: secrets from the environment, recordings from their files. */
import { loadPoolConfig, type PoolConfig, type PoolModelConfig } from "../config/index.ts";
import { readJudgedRecords } from "../judged/index.ts";
import {
  createOpenAiCompatibleUpstream,
  createPool,
  createReplayUpstream,
  type Pool,
  ReplayStore,
  type Upstream,
} from "../pool/index.ts";
import type { Policy } from "../routing/policy/index.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";

export interface LoadPoolOptions {
  /** Where secrets are looked up. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly fetch?: typeof fetch;
}

/**
 * Reads a pool file and everything it refers to.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, POOL_INVALID, SECRET_MISSING (naming the variable, never its value), and the
 *   errors of reading judged records
 */
export async function loadPool(path: string, options: LoadPoolOptions = {}): Promise<Pool> {
  const config = loadPoolConfig(path);
  const store = await loadReplayStore(config);
  return createPool(
    config.models.map((model) => ({
      name: model.name,
      provider: model.provider,
      pricing: model.pricing,
      contextWindowTokens: model.contextWindowTokens,
      latency: model.latency,
      supportsTools: model.supportsTools,
      supportsImages: model.supportsImages,
      upstream: createUpstream(path, model, store, options),
    })),
  );
}

/**
 * The policy section of a pool file.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, POOL_INVALID
 */
export function readPoolPolicy(path: string): Policy | undefined {
  return loadPoolConfig(path).policy;
}

async function loadReplayStore(config: PoolConfig): Promise<ReplayStore | undefined> {
  if (config.replay === undefined || !config.models.some((model) => model.provider === "replay"))
    return undefined;
  const { records } = await readJudgedRecords(config.replay.files);
  return new ReplayStore(records);
}

function createUpstream(
  path: string,
  model: PoolModelConfig,
  store: ReplayStore | undefined,
  options: LoadPoolOptions,
): Upstream {
  const upstreamModel = model.upstreamModel ?? model.name;
  if (model.provider === "openai-compatible") {
    return createOpenAiCompatibleUpstream({
      name: model.name,
      baseUrl: model.baseUrl,
      upstreamModel,
      apiKey: readSecret(path, model.name, model.apiKeyEnv, options.environment ?? process.env),
      apiKeyEnv: model.apiKeyEnv,
      timeoutMs: model.timeoutMs,
      fetch: options.fetch,
    });
  }
  if (store === undefined || !store.candidates.includes(upstreamModel)) {
    const known = store?.candidates ?? [];
    const suggestion = didYouMean(upstreamModel, known);
    throw new TuttiError(
      "POOL_INVALID",
      `${path}: model "${model.name}": the replay files hold no candidate "${upstreamModel}", expected one of ${known.join(", ")}`,
      {
        details: { path, model: model.name },
        hint: suggestion || "set upstreamModel to the candidate's name in the files",
      },
    );
  }
  return createReplayUpstream({ name: model.name, candidate: upstreamModel, store });
}

function readSecret(
  path: string,
  model: string,
  variable: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (variable === undefined) return undefined;
  const secret = environment[variable]?.trim();
  // Header values are visible ASCII; anything else would fail later, in a message that quotes it.
  if (secret !== undefined && /^[\x21-\x7e]+$/.test(secret)) return secret;
  const problem =
    secret === undefined || secret === "" ? "is not set" : "holds characters that an API key cannot have";
  throw new TuttiError(
    "SECRET_MISSING",
    `${path}: model "${model}": the environment variable ${variable} ${problem}`,
    {
      details: { path, model, variable },
      hint: `export ${variable}=... before starting, or remove apiKeyEnv if the server needs no key`,
    },
  );
}
