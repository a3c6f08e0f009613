/** Merged checkpoints beside mergekit's, and beside the definitions in PyTorch where mergekit has no such method. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type MergeDType, type MergeSettings, mergeCheckpoints } from "../../src/fusion/index.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/index.ts";
import { expectAllClose, FIXTURES, Fixture } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-merging-parity-"));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = new Fixture("merging/merged.safetensors");
const NAMES = ["base", "a", "b", "c"] as const;

/** A fixture's model as a folder, in the type asked for. */
function modelFolder(name: string, dtype: MergeDType): string {
  const path = join(folder, `${name}-${dtype}`);
  mkdirSync(path, { recursive: true });
  copyFileSync(join(FIXTURES, "merging/config.json"), join(path, "config.json"));
  const { tensors } = readSafetensors(join(FIXTURES, `merging/${name}.safetensors`));
  writeSafetensors(
    join(path, "model.safetensors"),
    [...tensors.values()].map((tensor) => ({ ...tensor, dtype })),
  );
  return path;
}

const folders = {
  F32: NAMES.map((name) => modelFolder(name, "F32")),
  BF16: NAMES.map((name) => modelFolder(name, "BF16")),
};

async function merged(
  settings: MergeSettings,
  weights: readonly number[],
  { stored = "F32", shardBytes = 5e9 }: { stored?: "F32" | "BF16"; shardBytes?: number } = {},
) {
  const [base, ...models] = folders[stored].map((path, index) => ({ name: NAMES[index]!, path }));
  const out = mkdtempSync(join(folder, "out-"));
  await mergeCheckpoints({
    base: base!,
    models: models.slice(0, weights.length).map((model, index) => ({ ...model, weight: weights[index]! })),
    settings,
    out,
    shardBytes,
    ignoresTokenizers: true,
  });
  return readSafetensors(join(out, "model.safetensors")).tensors;
}

const WEIGHTS = [0.5, 0.3, 0.4];
const NEGATIVE = [0.6, 0.4, -0.3];
const ONES = [1, 1, 1];
const ties = { method: "ties", isNormalised: true, scale: 1 } as const;
const dare = { density: 0.4, seed: 5, isNormalised: false, scale: 1 } as const;
/** mergekit takes equal weights below this sum of mean squares. */
const sce = { method: "sce", reading: "upstream", weightFloor: 1e-6 } as const;

const CASES: Readonly<Record<string, readonly [MergeSettings, readonly number[]]>> = {
  linear: [{ method: "linear", isNormalised: true }, WEIGHTS],
  "linear-sum": [{ method: "linear", isNormalised: false }, WEIGHTS],
  "task-arithmetic": [{ method: "task-arithmetic", isNormalised: false, scale: 0.8 }, NEGATIVE],
  "task-arithmetic-mean": [{ method: "task-arithmetic", isNormalised: true, scale: 1 }, WEIGHTS],
  ties: [{ ...ties, density: 0.3 }, WEIGHTS],
  "ties-sum": [{ ...ties, density: 0.6, isNormalised: false, scale: 0.7 }, WEIGHTS],
  "ties-dense": [{ ...ties, density: 1 }, NEGATIVE],
  "dare-ties-l1": [{ method: "dare-ties", ...dare, rescale: "l1" }, WEIGHTS],
  "dare-ties-none": [{ method: "dare-ties", ...dare, rescale: "none", isNormalised: true }, WEIGHTS],
  "dare-linear-l1": [{ method: "dare-linear", ...dare, rescale: "l1", scale: 0.9 }, WEIGHTS],
  "dare-linear-paper": [{ method: "dare-linear", ...dare, rescale: "density" }, WEIGHTS],
  "sce-0.1": [{ ...sce, density: 0.1 }, ONES],
  "sce-0.4": [{ ...sce, density: 0.4 }, ONES],
  "sce-1": [{ ...sce, density: 1 }, ONES],
  "sce-paper": [{ ...sce, density: 0.4, weightFloor: 0 }, ONES],
  "sce-fork": [{ ...sce, density: 0.4, weightFloor: 0, reading: "fork" }, ONES],
  varm: [{ method: "varm", weightFloor: 0 }, ONES],
  slerp: [{ method: "slerp", t: 0.3 }, [1]],
};

test.each(Object.entries(CASES))("%s", async (name, [settings, weights]) => {
  const tensors = await merged(settings, weights);
  const expected = fixture.names(`${name}/`);
  expect([...tensors.keys()].sort()).toEqual(expected.sort());
  for (const tensor of expected) {
    const { data } = tensors.get(tensor)!;
    const values = fixture.values(`${name}/${tensor}`);
    expectAllClose(data as Float32Array, values, { absolute: 5e-7, relative: 0 }, `merging/${name}`);
  }
});

test("bfloat16 in and out: the same bits, but where float32 sums fall on the other side of a half", async () => {
  const tensors = await merged({ method: "linear", isNormalised: true }, WEIGHTS, { stored: "BF16" });
  let [unlike, count] = [0, 0];
  for (const name of fixture.names("linear-bf16/")) {
    const { dtype, data } = tensors.get(name)!;
    expect(dtype).toBe("BF16");
    const expected = fixture.values(`linear-bf16/${name}`);
    expectAllClose(data as Float32Array, expected, { absolute: 0, relative: 2 ** -7 }, "merging/linear-bf16");
    unlike += expected.filter((value, index) => value !== data[index]).length;
    count += expected.length;
  }
  // A grid as coarse as this one has many exact halves.
  expect(unlike / count).toBeLessThan(0.02);
});

test("the two readings of SCE: selected entries change, or all that moved", async () => {
  const base = readSafetensors(join(FIXTURES, "merging/base.safetensors")).tensors;
  const changed = async (reading: "upstream" | "fork"): Promise<number> => {
    const tensors = await merged({ ...sce, density: 0.1, weightFloor: 0, reading }, ONES);
    const name = "lm_head.weight";
    const before = base.get(name)!.data;
    return (tensors.get(name)!.data as Float32Array).filter((value, index) => value !== before[index]).length;
  };
  // Of 256 entries, those that moved in one model at least, a tenth of which are selected.
  const moved = await changed("fork");
  expect(moved).toBeGreaterThan(200);
  expect(await changed("upstream")).toBe(Math.floor(0.1 * moved));
});
