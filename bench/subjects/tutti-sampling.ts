/** Tutti's side of the sampling benchmark: every round fills a new store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type PromptRow, promptKey } from "../../src/judged/index.ts";
import { createOpenAiCompatibleUpstream } from "../../src/pool/openai-compatible.ts";
import { createResilientUpstream } from "../../src/pool/resilient-upstream.ts";
import { DEFAULT_RETRIES } from "../../src/pool/retries.ts";
import { sample } from "../../src/pool/sampling/sample.ts";
import { startMockProvider } from "../mock-provider.ts";
import { answerRounds } from "./answer-rounds.ts";

const SAMPLES = 4;
const answers = Number(process.argv[2]);
const origin = await startMockProvider();
const inner = createOpenAiCompatibleUpstream({
  name: "mock",
  baseUrl: `${origin}/v1`,
  upstreamModel: "mock",
  timeoutMs: 60_000,
});
const model = {
  name: "mock",
  provider: "openai-compatible",
  pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 },
  upstream: createResilientUpstream(inner, { name: "mock", limits: {}, retries: DEFAULT_RETRIES }),
};
const prompts = Array.from({ length: answers / SAMPLES }, (_, number): PromptRow => {
  const content = `Question ${number}. ${"A question. ".repeat(10)}`;
  const row = {
    id: String(number),
    messages: [{ role: "user" as const, content }],
    domain: "bench",
    source: "bench",
    createdAt: new Date(0).toISOString(),
  };
  return { key: promptKey(row), ...row };
});

await answerRounds({}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-bench-"));
  const store = await openStore(join(folder, "store.db"));
  try {
    await store.putPrompts(prompts);
    const startedMs = performance.now();
    const report = await sample({
      store,
      models: [{ model, samples: SAMPLES, parameters: { max_tokens: 128 } }],
      prompts: {},
      seed: 0,
    });
    const seconds = (performance.now() - startedMs) / answers;
    const { responses } = await store.stats();
    if (report.done !== answers || responses !== answers) {
      throw new Error(`${responses} answers in the store, expected ${answers}`);
    }
    return seconds;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
process.exit();
