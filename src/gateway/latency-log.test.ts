/** Speeds from the gateway's log: answers it measured, and nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createPool, createReplayUpstream, type Pool, ReplayStore } from "../pool/index.ts";
import { createJsonLinesLogger } from "../support/logger.ts";
import { readLatencyLog } from "./latency-log.ts";
import { LatencyMeter } from "./latency-meter.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "serve.log");

/** What `tutti serve` writes for these requests, as it writes it. */
function logOf(requests: readonly Record<string, unknown>[]): string {
  let text = "listening on http://127.0.0.1:8080/v1\n";
  const logger = createJsonLinesLogger((line) => {
    text += line;
  });
  for (const request of requests) logger.info("request", request);
  return text;
}

const answered = (model: string, completionTokens: number) => ({
  status: 200,
  model,
  completionTokens,
  // 7 ms of routing, 100 ms to the first token, 50 tokens a second.
  latencyMs: 107 + 20 * completionTokens,
  routingMs: 7,
  usageSource: "upstream",
});

const stated = { timeToFirstTokenMs: 5, tokensPerSecond: 9 };

/** Models of the stated speed; that of `unknown` is not stated. */
function poolOf(...names: string[]): Pool {
  const store = new ReplayStore([]);
  const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 1 };
  return createPool(
    names.map((name) => ({
      name,
      provider: "replay",
      pricing,
      ...(name !== "unknown" && { latency: stated }),
      upstream: createReplayUpstream({ name, candidate: name, store }),
    })),
  );
}

test("measured answers count, less the time of routing; failures, replays and cut lines do not", () => {
  const good = Array.from({ length: 12 }, (_, index) => answered("fast", 10 + index));
  const others = [
    { ...answered("fast", 500), status: 502 },
    { ...answered("fast", 500), usageSource: "recorded" },
    { ...answered("fast", 500), completionTokens: null },
    { ...answered("slow", 5) },
  ];
  writeFileSync(path, `${logOf([...good, ...others])}{"event":"request","sta`);
  const measured = readLatencyLog(path);
  expect(measured).toHaveLength(13);
  const meter = new LatencyMeter(poolOf("fast", "slow", "unknown"), measured);
  expect(meter.profileOf("fast")).toEqual({
    timeToFirstTokenMs: expect.closeTo(100, 6),
    tokensPerSecond: expect.closeTo(50, 6),
  });
  // One answer says little: the pool file counts.
  expect(meter.profileOf("slow")).toEqual(stated);
  expect(meter.profileOf("unknown")).toBeUndefined();
});

test("follows a provider that became slower", () => {
  const meter = new LatencyMeter(poolOf("m"));
  for (let index = 0; index < 500; index++)
    meter.observe({ model: "m", completionTokens: 1 + (index % 50), latencyMs: 10 * (1 + (index % 50)) });
  expect(meter.profileOf("m")!.tokensPerSecond).toBeCloseTo(100, 6);
  for (let index = 0; index < 500; index++)
    meter.observe({ model: "m", completionTokens: 1 + (index % 50), latencyMs: 40 * (1 + (index % 50)) });
  expect(meter.profileOf("m")!.tokensPerSecond).toBeCloseTo(25, 6);
});

test("a file that is no log of the gateway is refused", () => {
  writeFileSync(path, "models:\n  - name: a\n");
  expect(() => readLatencyLog(path)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  expect(() => readLatencyLog(join(folder, "absent.log"))).toThrow(
    expect.objectContaining({ code: "FILE_NOT_FOUND" }),
  );
});
