/** A fine-tuning run killed by `kill -9` and started again gives bit-identical losses and weights. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";
import { RUNS } from "./tiny-fine-tuning.ts";
import { KILLED_TRIALS } from "./trials.ts";

const ROOT = join(import.meta.dirname, "../..");
const WORKER = join(import.meta.dirname, "fine-tuning-worker.ts");
const folder = mkdtempSync(join(tmpdir(), "tutti-fine-tuning-resume-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the worker; kills it with SIGKILL after it has reported `killAfterSteps` steps. True when it finished. */
function runWorker(name: string, output: string, killAfterSteps?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", WORKER, name, output], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let steps = 0;
    child.stdout.on("data", (lines: Buffer) => {
      steps += lines.toString().split("\n").length - 1;
      if (killAfterSteps !== undefined && steps >= killAfterSteps) child.kill("SIGKILL");
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`worker ended with code ${code}`));
    });
  });
}

const NAMES = [...Object.keys(RUNS), ...KILLED_TRIALS, "seq2seq-lora"];
/** One run is killed again after it was resumed; the others once. */
const killsOf = (name: string): readonly number[] => (name === NAMES[0] ? [4, 6] : [4]);

test.each(NAMES)("%s", { timeout: 120_000 }, async (name) => {
  const [undisturbed, disturbed] = [join(folder, name), join(folder, `${name}-killed`)];
  expect(await runWorker(name, undisturbed)).toBe(true);
  for (const killAfterSteps of killsOf(name)) {
    expect(await runWorker(name, disturbed, killAfterSteps)).toBe(false);
  }
  expect(await runWorker(name, disturbed)).toBe(true);
  const curve = (output: string) =>
    readMetrics(trainingPaths(output).metricsPath).map(
      ({ stepSeconds: _, eventLoopDelaySeconds: ___, peakMemoryBytes: __, ...rest }) => rest,
    );
  expect(curve(disturbed)).toEqual(curve(undisturbed));
  const weights = (output: string): Buffer => readFileSync(join(output, "weights.safetensors"));
  expect(weights(disturbed).equals(weights(undisturbed))).toBe(true);
});
