/**
 * A run killed by `kill -9` at any moment and started again gives bit-identical losses and weights. TUTTI_TRAINING_KILLS=20 is
 * the long form.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomStream } from "../../src/tensor/random.ts";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const WORKER = join(import.meta.dirname, "resume-worker.ts");
const DATA = join(ROOT, "assets/judged/mbpp.jsonl.gz");
const KILLS = Number(process.env.TUTTI_TRAINING_KILLS ?? 4);

const folder = mkdtempSync(join(tmpdir(), "tutti-resume-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the worker; kills it with SIGKILL `killAfterMs` after its first step, when given. True when it finished. */
function runWorker(output: string, killAfterMs?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", WORKER, DATA, output], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let timer: NodeJS.Timeout | undefined;
    child.stdout.once("data", () => {
      if (killAfterMs !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL") resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`worker ended with code ${code}`));
    });
  });
}

/** What must be equal: everything in metrics.jsonl but the measurements. */
const curve = (output: string) =>
  readMetrics(trainingPaths(join(output, "training")).metricsPath).map(
    ({ stepSeconds: _, eventLoopDelaySeconds: ___, peakMemoryBytes: __, ...rest }) => rest,
  );

let undisturbedMs = 0;
const undisturbed = join(folder, "undisturbed");
beforeAll(async () => {
  expect(await runWorker(undisturbed)).toBe(true);
  const metrics = readMetrics(trainingPaths(join(undisturbed, "training")).metricsPath);
  undisturbedMs = metrics.reduce((sum, { stepSeconds }) => sum + stepSeconds * 1000, 0);
}, 120_000);

test(`${KILLS} random kills leave the loss curve and the weights as they were`, {
  timeout: 20_000 * (KILLS + 2),
}, async () => {
  const disturbed = join(folder, "disturbed");
  const random = new RandomStream({ seed: 20, stream: 1 });
  let kills = 0;
  // Every kill falls somewhere in the next share of the run: together they span about half of it, so a machine that is faster
  // now than during the undisturbed run still sees them all.
  while (kills < KILLS) {
    expect(await runWorker(disturbed, (random.nextUniform() * undisturbedMs) / KILLS)).toBe(false);
    kills++;
  }
  expect(await runWorker(disturbed)).toBe(true);
  const [expected, received] = [curve(undisturbed), curve(disturbed)];
  expect(expected.length).toBeGreaterThan(20);
  expect(received).toEqual(expected);
  const weights = (output: string): Buffer => readFileSync(join(output, "weights.safetensors"));
  expect(weights(disturbed).equals(weights(undisturbed))).toBe(true);
});
