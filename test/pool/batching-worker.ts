/** A process of its own that samples in batches until the job is done: `tsx batching-worker.ts STORE ORIGIN KIND`. */
import { openStore } from "../../src/judged/store/open.ts";
import { createAnthropicUpstream } from "../../src/pool/anthropic/anthropic.ts";
import { createOpenAiCompatibleUpstream } from "../../src/pool/openai-compatible.ts";
import { sample } from "../../src/pool/sampling/sample.ts";

const [url, origin, kind] = process.argv.slice(2);
const common = { name: "m", upstreamModel: "big", timeoutMs: 10_000 };
const upstream =
  kind === "openai"
    ? createOpenAiCompatibleUpstream({ ...common, baseUrl: `${origin}/v1` })
    : createAnthropicUpstream({ ...common, baseUrl: origin! });
const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 };
const store = await openStore(url!);
process.send?.("begins");
await sample({
  store,
  models: [
    {
      model: { name: "m", provider: kind!, pricing, endpoint: origin!, upstream },
      samples: 2,
      parameters: { max_tokens: 16 },
    },
  ],
  prompts: {},
  seed: 0,
  leaseMs: 900,
  batch: { pollMs: 40, mostRequests: 10, graceMs: 600 },
});
await store.close();
process.disconnect?.();
