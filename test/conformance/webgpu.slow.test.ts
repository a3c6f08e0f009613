/**
 * The conformance suite on WebGPU, through the software Vulkan driver that Debian's `chromium` package ships, or
 * through the driver that VK_ICD_FILENAMES names. Skipped where there is none.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, test } from "vitest";
import { OP_CASES } from "./op-cases.ts";

const ROOT = join(import.meta.dirname, "../..");
const CHROMIUM = "/usr/lib/chromium";
const DRIVER = process.env.VK_ICD_FILENAMES ?? join(CHROMIUM, "vk_swiftshader_icd.json");
/** It takes a minute of one core. */
const TIME_LIMIT_MS = 840_000;

/** Of |received - expected| / max(1, |expected|). The CPU's is 5e-6. */
const CASE_TOLERANCE = 1e-5;
/** Of a loss within ten steps, relative. */
const TRAINING_TOLERANCE = 1e-5;

type Report =
  | {
      readonly kind: "case";
      readonly name: string;
      readonly difference?: number | null;
      readonly error?: string;
    }
  | { readonly kind: "fallbacks"; readonly op: string; readonly onnx: readonly string[] }
  | { readonly kind: "training"; readonly cpu: readonly number[]; readonly webgpu: readonly number[] };

async function runWorker(): Promise<Report[]> {
  const libraries = [process.env.LD_LIBRARY_PATH, CHROMIUM].filter(Boolean).join(":");
  const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "webgpu-worker.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: TIME_LIMIT_MS,
    killSignal: "SIGKILL",
    env: { ...process.env, VK_ICD_FILENAMES: DRIVER, LD_LIBRARY_PATH: libraries },
  });
  const ended = new Promise<string>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? String(code)));
  });
  const reports: Report[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    reports.push(JSON.parse(line) as Report);
  }
  expect(await ended, "exit of the process that computes").toBe("0");
  return reports;
}

const hasDriver = process.platform === "linux" && process.arch === "x64" && existsSync(DRIVER);
if (!hasDriver) process.stderr.write(`WebGPU is not tested: no Vulkan driver at ${DRIVER}\n`);

describe.skipIf(!hasDriver)("WebGPU", () => {
  let reports: Report[];
  beforeAll(async () => {
    reports = await runWorker();
  }, TIME_LIMIT_MS + 10_000);

  test("every op and its gradient equal the float64 reference", () => {
    const cases = reports.filter((report) => report.kind === "case");
    expect(cases.map(({ name }) => name)).toEqual(OP_CASES.map(({ name }) => name));
    // JSON has no infinity: null stands for it.
    const wrong = cases.filter(({ difference }) => !((difference ?? Infinity) < CASE_TOLERANCE));
    expect(wrong).toEqual([]);
  });

  test("the CPU runs what docs/runtime.md says", () => {
    const onCpu = Object.fromEntries(
      reports
        .filter((report) => report.kind === "fallbacks")
        .filter(({ onnx }) => onnx.length > 0)
        .map(({ op, onnx }) => [op, [...onnx].sort()]),
    );
    expect(onCpu).toEqual({
      cached_attention: ["FusedMatMul"],
      gather_rows: ["ConstantOfShape"],
      gather_tokens: ["ConstantOfShape"],
      last_columns: ["Neg", "Slice"],
      linear_cross_entropy: ["IsNaN", "LogSoftmax", "Slice", "Sum"],
      linear_log_probabilities: ["IsNaN", "LogSoftmax", "Slice", "Sum"],
      log_softmax: ["LogSoftmax"],
      pad: ["ConstantOfShape"],
      pick_last: ["ConstantOfShape"],
      place_last: ["ConstantOfShape"],
      scatter_add_rows: ["ConstantOfShape"],
      slice: ["ConstantOfShape"],
      widen: ["Cast"],
    });
  });

  test("ten training steps follow the CPU's", () => {
    const { cpu, webgpu } = reports.find((report) => report.kind === "training")!;
    expect(cpu).toHaveLength(10);
    expect(cpu.at(-1)).toBeLessThan(0.7 * cpu[0]!);
    for (const [step, loss] of webgpu.entries()) {
      expect(Math.abs(loss - cpu[step]!) / cpu[step]!, `step ${step}`).toBeLessThan(TRAINING_TOLERANCE);
    }
  });
});
