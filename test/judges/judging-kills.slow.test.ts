/** Three processes judge one store and are killed at random: no verdict is lost and none is made twice for nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { judgementKey, openStore } from "../../src/judged/index.ts";
import { completion, sendJson, startProvider } from "../pool/provider-server.ts";
import { killedAtRandom } from "../support/kills.ts";
import { collect, promptRow, responseRow } from "../support/store-rows.ts";

const ANSWERS = 600;
const KILLS = 10;
const CONCURRENCY = 8;

test(`${ANSWERS} verdicts over ${KILLS} kills`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-judging-kills-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const url = join(folder, "store.db");
  const store = await openStore(url);
  const prompts = Array.from({ length: ANSWERS }, (_, number) => promptRow(number));
  const responses = prompts.map((prompt) => responseRow(prompt));
  await store.putPrompts(prompts);
  await store.putResponses(responses);
  const provider = await startProvider((_request, response, index) => {
    setTimeout(() => sendJson(response, 200, completion(`Good. [[${1 + (index % 10)}]]`)), 60);
  });
  await killedAtRandom(join(import.meta.dirname, "judging-worker.ts"), {
    args: [url, provider.origin, "1000", String(CONCURRENCY)],
    processes: 3,
    kills: KILLS,
  });
  const rows = await collect(store.judgements());
  expect(rows.map(({ responseKey }) => responseKey).sort()).toEqual(responses.map(({ key }) => key).sort());
  expect(rows.every((row) => row.key === judgementKey(row) && row.verdict === "rated")).toBe(true);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(ANSWERS);
  const [job] = await store.work.jobs();
  expect(await store.work.progress(job!)).toEqual({ open: 0, leased: 0, done: ANSWERS, failed: 0 });
  await store.close();
  // What a killed process had under way is asked again, and nothing else is.
  expect(provider.requests.length).toBeLessThanOrEqual(ANSWERS + KILLS * 2 * CONCURRENCY);
}, 300_000);
