/** A process of its own that judges until the job is done: `tsx judging-worker.ts STORE ORIGIN LEASE_MS CONCURRENCY`. */
import { openStore } from "../../src/judged/store/open.ts";
import { judgeStore } from "../../src/judges/judging/index.ts";
import { BUILT_IN_RUBRICS, createPointwiseJudge } from "../../src/judges/language-model/index.ts";
import { createOpenAiCompatibleUpstream } from "../../src/pool/openai-compatible.ts";

const [url, origin, leaseMs, concurrency] = process.argv.slice(2);
const upstream = createOpenAiCompatibleUpstream({
  name: "judge",
  baseUrl: `${origin}/v1`,
  upstreamModel: "judge",
  timeoutMs: 10_000,
});
const store = await openStore(url!);
process.send?.("begins");
await judgeStore({
  store,
  judge: createPointwiseJudge({ name: "judge", upstream }, BUILT_IN_RUBRICS.rating!),
  answers: {},
  leaseMs: Number(leaseMs),
  maxConcurrency: Number(concurrency),
});
await store.close();
process.disconnect?.();
