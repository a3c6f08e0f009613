/** Tutti's side of the sampling benchmark: every round fills a new store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type PromptRow, promptKey } from "../../src/judged/index.ts";
import { createOpenAiCompatibleUpstream } from "../../src/pool/openai-compatible.ts";
import { createResilientUpstream } from "../../src/pool/resilient-upstream.ts";
import { DEFAULT_RETRIES } from "../../src/pool/retries.ts";
import { sample } from "../../src/pool/sampling/sample.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { answersPerSecond, startMockProvider } from "../mock-provider.ts";
import { answerRounds } from "./answer-rounds.ts";

const SAMPLES = 4;
const [answers, answerMs] = process.argv.slice(2, 4).map(Number) as [number, number];
const postgres = process.argv[4] === "postgres" ? startPostgres({ isDurable: true }) : undefined;
if (process.argv[4] === "postgres" && postgres === undefined) throw new Error("there is no PostgreSQL");
process.once("exit", () => postgres?.stop());
process.once("SIGTERM", () => process.exit());
const origin = await startMockProvider(answerMs);
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

let round = 0;
await answerRounds({}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-bench-"));
  const store = await openStore(
    postgres ? `${postgres.url}&schema=round_${round++}` : join(folder, "store.db"),
  );
  try {
    await store.putPrompts(prompts);
    const before = process.cpuUsage();
    const startedMs = performance.now();
    const report = await sample({
      store,
      models: [{ model, samples: SAMPLES, parameters: { max_tokens: 128 } }],
      prompts: {},
      seed: 0,
    });
    const measured = answersPerSecond(performance.now() - startedMs, answers, process.cpuUsage(before));
    const { responses } = await store.stats();
    if (report.done !== answers || responses !== answers) {
      throw new Error(`${responses} answers in the store, expected ${answers}`);
    }
    return measured;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
process.exit();
