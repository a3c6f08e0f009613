/**
 * A process of its own that samples until the job is done or its budget is spent:
 * `tsx sampling-worker.ts STORE ORIGIN SAMPLES LEASE_MS CONCURRENCY [BUDGET_USD]`.
 */
import { openStore } from "../../src/judged/store/open.ts";
import { createOpenAiCompatibleUpstream } from "../../src/pool/openai-compatible.ts";
import { createResilientUpstream } from "../../src/pool/resilient-upstream.ts";
import { DEFAULT_RETRIES } from "../../src/pool/retries.ts";
import { sample } from "../../src/pool/sampling/sample.ts";

const [url, origin, samples, leaseMs, concurrency, budgetUsd] = process.argv.slice(2);
const upstream = (name: string) =>
  createResilientUpstream(
    createOpenAiCompatibleUpstream({
      name,
      baseUrl: `${origin}/v1`,
      upstreamModel: name,
      timeoutMs: 10_000,
    }),
    { name, limits: {}, retries: { ...DEFAULT_RETRIES, firstWaitMs: 20 } },
  );
const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 };
const store = await openStore(url!);
process.send?.("begins");
const report = await sample({
  store,
  models: ["first", "second"].map((name) => ({
    model: { name, provider: "openai-compatible", pricing, endpoint: origin, upstream: upstream(name) },
    samples: Number(samples),
    parameters: { max_tokens: 16, temperature: 1 },
  })),
  prompts: {},
  seed: 0,
  leaseMs: Number(leaseMs),
  maxConcurrency: Number(concurrency),
  ...(budgetUsd !== undefined && { budget: { usd: Number(budgetUsd) } }),
});
await store.close();
process.send?.(report);
process.disconnect?.();
