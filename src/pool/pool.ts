/** The pool: every model that requests can reach, by name, with its price. */
import type { Json } from "../judged/index.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import type { ModelPricing } from "./pricing.ts";
import type { RateLimits } from "./rate-limiter.ts";
import type { Upstream } from "./upstream.ts";

export interface ModelLatency {
  readonly timeToFirstTokenMs: number;
  readonly tokensPerSecond: number;
}

export interface PoolModel {
  readonly name: string;
  readonly provider: string;
  readonly pricing: ModelPricing;
  readonly contextWindowTokens?: number | undefined;
  /** Speed as the pool file gives it. */
  readonly latency?: ModelLatency | undefined;
  /** False for a model known to be without. */
  readonly supportsTools?: boolean | undefined;
  readonly supportsImages?: boolean | undefined;
  readonly supportsSeed?: boolean | undefined;
  /** Fields of every request that does not set them itself; the upstream fills them in. */
  readonly parameters?: Readonly<Record<string, Json>> | undefined;
  /** Which state of the model answers, as far as its name or the pool file says. Default: its name. */
  readonly revision?: string | undefined;
  /** Models with the same one share a server and an account. Default: the model's own. */
  readonly endpoint?: string | undefined;
  /** Of calls and tokens a minute; `sample` keeps them for all processes on its store together. */
  readonly limits?: Pick<RateLimits, "requestsPerMinute" | "tokensPerMinute"> | undefined;
  /** Calls at once that have a use. */
  readonly maxConcurrency?: number | undefined;
  readonly upstream: Upstream;
}

/** Models in the order of the pool file. */
export interface Pool {
  readonly models: readonly PoolModel[];
  find(name: string): PoolModel | undefined;
  /** Frees models held in memory. */
  close(): Promise<void>;
}

/**
 * Makes a pool of models.
 *
 * @throws {TuttiError} POOL_INVALID when there is no model, or two share a name
 */
export function createPool(models: readonly PoolModel[]): Pool {
  if (models.length === 0)
    throw new TuttiError("POOL_INVALID", "pool: received no models, expected at least one");
  const byName = new Map<string, PoolModel>();
  for (const model of models) {
    if (byName.has(model.name)) {
      throw new TuttiError("POOL_INVALID", `pool: two models are called "${model.name}"`, {
        details: { model: model.name },
      });
    }
    byName.set(model.name, model);
  }
  return {
    models: [...models],
    find: (name) => byName.get(name),
    async close() {
      for (const { upstream } of models) await upstream.close?.();
    },
  };
}

/**
 * Checks that every candidate of a router can be reached.
 *
 * @throws {TuttiError} UNKNOWN_CANDIDATE naming all candidates that the pool lacks
 */
export function checkCandidates(
  pool: Pool,
  router: { readonly name: string; readonly candidates: readonly string[] },
): void {
  const missing = router.candidates.filter((candidate) => pool.find(candidate) === undefined);
  if (missing.length === 0) return;
  const known = pool.models.map((model) => model.name);
  const described = missing.map((name) => {
    const suggestion = didYouMean(name, known);
    return `"${name}"${suggestion === "" ? "" : ` (${suggestion})`}`;
  });
  throw new TuttiError(
    "UNKNOWN_CANDIDATE",
    `router "${router.name}" chooses between models that the pool lacks: ${described.join(", ")}; the pool has ${known.join(", ")}`,
    {
      details: { missing, pool: known },
      hint: "add a model of that exact name to the pool file; its name at the provider goes into upstreamModel",
    },
  );
}
