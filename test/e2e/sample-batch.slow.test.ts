/** `tutti sample --batch` as a person uses it: answers at half the price, and batches taken back. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startBatchServer } from "../support/batch-server.ts";
import { finish, start, tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-sample-batch-"));
afterAll(() => rmSync(folder, { recursive: true }));
const PROMPTS = 4;

/** A store of prompts and a pool of one model at `origin`; returns the flags that name them. */
async function world(name: string, origin: string): Promise<string[]> {
  const [prompts, pool, store] = ["jsonl", "yaml", "db"].map((end) => join(folder, `${name}.${end}`)) as [
    string,
    string,
    string,
  ];
  const rows = Array.from({ length: PROMPTS }, (_, n) => ({ id: `sum-${n}`, prompt: `${n} + 1?` }));
  writeFileSync(prompts, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(
    pool,
    `models:
  - name: big
    provider: openai-compatible
    baseUrl: ${origin}/v1
    pricing: { inputCostUsdPerMillionTokens: 1000, outputCostUsdPerMillionTokens: 1000 }
`,
  );
  const imported = await tutti("data", "import", prompts, "--store", store);
  expect(imported.code, imported.stderr).toBe(0);
  return ["sample", "--store", store, "--pool", pool, "--batch", "--poll", "1s"];
}

test("every prompt is answered in one batch, for half of what it costs", { timeout: 240_000 }, async () => {
  const server = await startBatchServer({ kind: "openai" });
  const sample = await world("half", server.origin);
  const { code, stdout, stderr } = await tutti(...sample);
  expect(code, stderr).toBe(0);
  expect(server.batches.map(({ entries }) => entries.length)).toEqual([PROMPTS]);
  // 10 tokens of prompt and answer at 0.001 dollars each, halved.
  expect(stdout).toContain(
    `4/4 answers in the store; $${((PROMPTS * 10 * 0.001) / 2).toFixed(4)}, 40 tokens`,
  );
  const again = await tutti(...sample);
  expect(again.stdout).toContain("big: nothing new");
  expect(server.batches).toHaveLength(1);
});

test("Ctrl-C leaves a batch to the provider, --cancel takes it back", { timeout: 240_000 }, async () => {
  const server = await startBatchServer({ kind: "openai", looks: 10_000 });
  const sample = await world("cancel", server.origin);
  const child = start(...sample);
  const ended = finish(child);
  await expect.poll(() => server.batches.length, { timeout: 120_000 }).toBe(1);
  child.kill("SIGINT");
  expect((await ended).code).toBe(130);
  expect(server.cancelled).toEqual([]);
  const cancelled = await tutti(...sample, "--cancel");
  expect(cancelled.code, cancelled.stderr).toBe(0);
  // What the provider had answered before is kept.
  expect(cancelled.stderr).toContain(
    "2 answers are missing; the same command without --cancel asks for them",
  );
  expect(server.cancelled).toHaveLength(1);
  expect(server.batches).toHaveLength(1);
});
