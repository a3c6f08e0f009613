/** Answers of a running gateway kept in a store, and a store that is in the way of nobody. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "libsql";
import { expect, onTestFinished, test } from "vitest";
import { TrafficRecorder, type TrafficRecorderOptions } from "../../src/gateway/index.ts";
import { openStore } from "../../src/judged/index.ts";
import { BUILT_IN_RUBRICS, createPointwiseJudge, judgeStore } from "../../src/judges/index.ts";
import type { Logger } from "../../src/support/logger.ts";
import { scriptedModel } from "../support/chat-server.ts";
import { collect } from "../support/store-rows.ts";
import {
  LONG_PROMPT,
  lengthRouter,
  MIXED_ANSWER,
  remotePool,
  replayPool,
  SHORT_PROMPT,
  startGateway,
  startRawUpstream,
} from "./support.ts";

function storePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "tutti-traffic-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "store.db");
}

async function recorded(options: TrafficRecorderOptions, router = true) {
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const traffic = await TrafficRecorder.open({ logger, ...options });
  onTestFinished(() => void traffic.close());
  const gateway = await startGateway({
    pool: options.pool,
    traffic,
    ...(router && { router: lengthRouter }),
  });
  const ask = (content: string, model = "tutti/auto") =>
    gateway.client.chat.completions.create({
      model,
      messages: [{ role: "user", content }],
      temperature: 0.5,
    });
  return { gateway, traffic, events, ask };
}

async function rowsOf(path: string) {
  const store = await openStore(path);
  const rows = {
    prompts: await collect(store.prompts()),
    responses: await collect(store.responses()),
    selections: await collect(store.selections()),
  };
  await store.close();
  return rows;
}

test("answers, whole and streamed, become rows that a judge can judge", async () => {
  const path = storePath();
  const { gateway, traffic, ask } = await recorded({ store: path, pool: replayPool() });
  await ask(SHORT_PROMPT);
  await ask(SHORT_PROMPT);
  await ask(SHORT_PROMPT, "large");
  const stream = await gateway.client.chat.completions.create({
    model: "tutti/auto",
    messages: [{ role: "user", content: LONG_PROMPT }],
    stream: true,
  });
  for await (const _ of stream);
  expect(await traffic.close()).toEqual({ written: 4, waiting: 0, leftOut: 0, dropped: 0 });

  const { prompts, responses, selections } = await rowsOf(path);
  expect(
    prompts.map(({ messages, domain, source }) => [messages[0]!.content, domain, source]).sort(),
  ).toEqual([
    [LONG_PROMPT, "traffic", "gateway"],
    [SHORT_PROMPT, "traffic", "gateway"],
  ]);
  const small = responses.filter(({ model }) => model === "small");
  expect(small.map(({ text, status, parameters }) => ({ text, status, parameters }))).toEqual(
    Array.from({ length: 2 }, () => ({ text: MIXED_ANSWER, status: "ok", parameters: { temperature: 0.5 } })),
  );
  const streamed = responses.find(({ text }) => text.startsWith("Suppose"))!;
  expect(streamed).toMatchObject({ model: "large", completionTokens: 15, source: "gateway", parameters: {} });
  expect(streamed.latencyMs).toBeGreaterThan(0);
  expect(streamed.costUsd).toBeGreaterThan(0);
  expect(selections.map(({ reason }) => reason).sort()).toEqual(["named", "routed", "routed", "routed"]);
  expect(selections.find(({ responseKey }) => responseKey === streamed.key)!.options).toMatchObject({
    requestedModel: "tutti/auto",
    router: "length",
    scores: [{ model: "large" }, { model: "small", score: 0.5 }],
    explanation: expect.stringContaining("large"),
  });

  const store = await openStore(path);
  const { model } = await scriptedModel(() => ({ text: "[[6]]" }));
  const judge = createPointwiseJudge(model, BUILT_IN_RUBRICS.rating!);
  const report = await judgeStore({ store, judge, answers: { sources: ["gateway"] } });
  expect(report).toMatchObject({ total: 4, done: 4, end: "done" });
  await store.close();
});

test("neither keys nor fields that nobody knows are kept; images and tools are left out", async () => {
  const path = storePath();
  const upstream = await startRawUpstream((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ choices: [{ index: 0, message: { content: "Yes" }, finish_reason: "length" }] }),
    );
  });
  const pool = remotePool(upstream.baseUrl, { apiKey: "sk-provider-secret" });
  const { gateway, traffic } = await recorded({ store: path, pool }, false);
  const post = (fields: object) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sk-client-secret" },
      body: JSON.stringify({ model: "remote", messages: [{ role: "user", content: "Is it?" }], ...fields }),
    });
  await post({ user: "sk-user-secret", metadata: { token: "sk-field-secret" }, max_tokens: 1 });
  await post({ tools: [{ type: "function", function: { name: "f" } }] });
  await post({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] });
  await post({ messages: [{ role: "tool", content: "result" }] });
  expect(await traffic.close()).toMatchObject({ written: 1, leftOut: 3 });
  const [response] = (await rowsOf(path)).responses;
  expect(response).toMatchObject({ text: "Yes", status: "truncated", parameters: { max_tokens: 1 } });
  const bytes = readFileSync(path, "latin1");
  expect(bytes).toContain("Is it?");
  expect(bytes).not.toMatch(/sk-[a-z]+-secret/);
});

test("a store that is locked or refuses slows no request and fails none", async () => {
  const path = storePath();
  await (await openStore(path)).close();
  const { traffic, ask } = await recorded({ store: path, pool: replayPool() });
  const other = new Sqlite(path);
  other.exec("BEGIN IMMEDIATE");
  const startedMs = performance.now();
  for (let count = 0; count < 20; count++) await ask(SHORT_PROMPT);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(traffic.counts.written).toBe(0);
  other.exec("ROLLBACK");
  other.close();
  expect(await traffic.close()).toMatchObject({ written: 20, dropped: 0 });
  expect((await rowsOf(path)).responses.length).toBe(20);
});

test("what the store cannot take in time is dropped and counted", async () => {
  const path = storePath();
  const { traffic, events, ask } = await recorded({
    store: path,
    pool: replayPool(),
    maxWaitingBytes: 3_000,
  });
  const other = new Sqlite(path);
  other.exec("BEGIN IMMEDIATE");
  for (let count = 0; count < 20; count++) await ask(SHORT_PROMPT);
  other.exec("ROLLBACK");
  other.close();
  const { written, dropped } = await traffic.close();
  expect(written + dropped).toBe(20);
  expect(written).toBeGreaterThan(0);
  expect(dropped).toBeGreaterThan(10);
  expect(events).toContain("traffic-dropped");
});

test("a store that cannot be opened is an error at the start", async () => {
  const missing = join(storePath(), "no", "such", "folder.db");
  await expect(TrafficRecorder.open({ store: missing, pool: replayPool() })).rejects.toMatchObject({
    code: "STORE_FAILED",
  });
});
