/** From a pool file to a pool that can answer: secrets from where they are kept, recordings from their files. */
import { loadPoolConfig, type PoolConfig, type PoolModelConfig } from "../config/index.ts";
import { readJudgedRecords } from "../judged/index.ts";
import {
  createAnthropicUpstream,
  createLocalUpstream,
  createOpenAiCompatibleUpstream,
  createPool,
  createReplayUpstream,
  createResilientUpstream,
  DEFAULT_RETRIES,
  type Pool,
  ReplayStore,
  type Upstream,
  withDefaultParameters,
} from "../pool/index.ts";
import type { Policy } from "../routing/policy/index.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { readSecret } from "./read-secret.ts";

export interface LoadPoolOptions {
  /** Where secrets are looked up. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The path of a local model named `hf:...`; without it such a name is refused. */
  readonly resolveModel?: (reference: string) => Promise<string>;
  /** Only these models; others need neither secrets nor files. Default: all. */
  readonly models?: readonly string[];
}

/**
 * Reads a pool file and everything it refers to. Local models are opened when they are first asked.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, POOL_INVALID, UNKNOWN_CANDIDATE for a name that the file lacks, SECRET_MISSING (naming the
 *   variable or file, never its content), and the errors of reading judged records
 */
export async function loadPool(path: string, options: LoadPoolOptions = {}): Promise<Pool> {
  const config = chosenModels(path, loadPoolConfig(path), options.models);
  const store = await loadReplayStore(config);
  const models = config.models.map(async (model) => ({
    name: model.name,
    provider: model.provider,
    pricing: model.pricing,
    contextWindowTokens: model.contextWindowTokens,
    latency: model.latency,
    supportsTools: model.supportsTools,
    supportsImages: model.supportsImages,
    supportsSeed: model.supportsSeed,
    parameters: model.parameters,
    revision: model.revision ?? model.upstreamModel ?? model.name,
    endpoint:
      "baseUrl" in model ? `${model.baseUrl} ${model.apiKeyEnv ?? model.apiKeyFile ?? ""}` : model.name,
    limits: "limits" in model ? model.limits : undefined,
    maxConcurrency: maxConcurrencyOf(model),
    upstream: withDefaultParameters(await createUpstream(path, model, store, options), model.parameters),
  }));
  return createPool(await Promise.all(models));
}

/**
 * The policy section of a pool file.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, POOL_INVALID
 */
export function readPoolPolicy(path: string): Policy | undefined {
  return loadPoolConfig(path).policy;
}

function chosenModels(path: string, config: PoolConfig, names: readonly string[] | undefined): PoolConfig {
  if (names === undefined) return config;
  const known = config.models.map(({ name }) => name);
  const strange = names.find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `${path} has no model "${strange}", it has ${known.join(", ")}`,
      {
        details: { path, model: strange },
        hint: didYouMean(strange, known) || "name a model of the pool file",
      },
    );
  }
  return { ...config, models: config.models.filter(({ name }) => names.includes(name)) };
}

async function loadReplayStore(config: PoolConfig): Promise<ReplayStore | undefined> {
  if (config.replay === undefined || !config.models.some((model) => model.provider === "replay"))
    return undefined;
  const { records } = await readJudgedRecords(config.replay.files);
  return new ReplayStore(records);
}

/** A batch that is full only makes others wait in line. */
function maxConcurrencyOf(model: PoolModelConfig): number | undefined {
  if (model.provider === "local") return model.maxBatch ?? DEFAULT_LOCAL_BATCH;
  return "limits" in model ? model.limits?.concurrency : undefined;
}

const DEFAULT_LOCAL_BATCH = 16;

async function createUpstream(
  path: string,
  model: PoolModelConfig,
  store: ReplayStore | undefined,
  options: LoadPoolOptions,
): Promise<Upstream> {
  if (model.provider === "local") return localUpstream(path, model, options);
  if (model.provider === "replay") return replayUpstream(path, model, store);
  const common = {
    name: model.name,
    baseUrl: model.baseUrl,
    upstreamModel: model.upstreamModel ?? model.name,
    apiKey: readSecret(path, model.name, model, options.environment ?? process.env),
    apiKeyEnv: model.apiKeyEnv ?? model.apiKeyFile,
    timeoutMs: model.timeoutMs,
  };
  const upstream =
    model.provider === "anthropic"
      ? createAnthropicUpstream(common)
      : createOpenAiCompatibleUpstream({ ...common, continuationScoring: model.continuationScoring });
  const { maxAttempts, totalTimeoutMs, limits = {} } = model;
  const retries = { ...DEFAULT_RETRIES, maxAttempts, totalTimeoutMs };
  return createResilientUpstream(upstream, { name: model.name, limits, retries });
}

async function localUpstream(
  path: string,
  model: Extract<PoolModelConfig, { provider: "local" }>,
  { resolveModel }: LoadPoolOptions,
): Promise<Upstream> {
  const isReference = model.path.startsWith("hf:");
  if (isReference && resolveModel === undefined) {
    throw new TuttiError("POOL_INVALID", `${path}: model "${model.name}": ${model.path} was not fetched`, {
      details: { path, model: model.name },
      hint: "fetch it with `tutti model pull`, and write the folder as its path",
    });
  }
  const { threads, maxBatch, executionProvider, contextWindowTokens } = model;
  return createLocalUpstream({
    name: model.name,
    path: isReference ? await resolveModel!(model.path) : model.path,
    weightBits: model.weightBits,
    chatTemplateFile: model.chatTemplateFile,
    ...(threads !== undefined && { threads }),
    ...(maxBatch !== undefined && { maxBatch }),
    ...(executionProvider !== undefined && { provider: executionProvider }),
    ...(contextWindowTokens !== undefined && { contextLength: contextWindowTokens }),
  });
}

function replayUpstream(path: string, model: PoolModelConfig, store: ReplayStore | undefined): Upstream {
  const candidate = model.upstreamModel ?? model.name;
  if (store?.candidates.includes(candidate)) {
    return createReplayUpstream({ name: model.name, candidate, store });
  }
  const known = store?.candidates ?? [];
  throw new TuttiError(
    "POOL_INVALID",
    `${path}: model "${model.name}": the replay files hold no candidate "${candidate}", expected one of ${known.join(", ")}`,
    {
      details: { path, model: model.name },
      hint: didYouMean(candidate, known) || "set upstreamModel to the candidate's name in the files",
    },
  );
}
