/** A whole training run in a worker thread: the same losses, and the thread that started it stays free. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { EventLoopDelay } from "../../src/train/event-loop-delay.ts";
import { trainWide } from "./wide-task.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-worker-thread-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("training in a worker thread", async () => {
  const delay = new EventLoopDelay();
  const here = await trainWide(join(folder, "here"));
  // ONNX Runtime's binding computes on the thread that calls it.
  expect(delay.takeLongestSeconds()).toBeGreaterThan(0.5 * here.longestSeconds);

  const worker = new Worker(join(import.meta.dirname, "wide-worker.mjs"), {
    workerData: join(folder, "there"),
  });
  const [there] = (await once(worker, "message")) as [typeof here];
  expect(delay.takeLongestSeconds()).toBeLessThan(0.5 * there.longestSeconds);
  delay.stop();
  await worker.terminate();
  expect(there.losses).toEqual(here.losses);
});
