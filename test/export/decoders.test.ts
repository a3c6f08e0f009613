/** Exported decoders, run by a plain ONNX Runtime session, against recorded transformers runs on padded batches. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { CAUSAL_MODEL_TYPES } from "../../src/models/index.ts";
import { type Batch, ExportedModel, pastOf } from "../support/exported-model.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";
import { writeTinyModel } from "../support/tiny-generation.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-export-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Float32 sums in another order than PyTorch's float64. */
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };

const CASES = readdirSync(join(FIXTURES, "decoders"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const name = file.slice(0, -".json".length);
    const { isClassifier, config } = fixtureJson<{ isClassifier: boolean; config: { model_type: string } }>(
      `decoders/${file}`,
    );
    return { name, isClassifier, modelType: config.model_type };
  });

/** Rows of 11 tokens: one full, one padded on the right, one on the left. */
function recordedBatch(fixture: Fixture): Batch {
  return {
    shape: fixture.shape("input_ids") as [number, number],
    ids: fixture.int("input_ids").data,
    mask: fixture.int("attention_mask").data,
  };
}

/** Values at tokens: what stands at padding differs harmlessly. */
function atTokens(data: ArrayLike<number>, { mask }: Batch): number[] {
  const width = data.length / mask.length;
  return Array.from(data).filter((_, flat) => mask[Math.floor(flat / width)] !== 0);
}

/** Columns from..to of the rows of `data` [rows, columns, width]. */
function columnsOf(
  data: ArrayLike<number>,
  [rows, columns]: readonly [number, number],
  from: number,
  to: number,
) {
  const width = data.length / rows / columns;
  return Array.from(data).filter((_, flat) => {
    const column = Math.floor(flat / width) % columns;
    return column >= from && column < to;
  });
}

test("every decoder family is among the cases", () => {
  expect([...new Set(CASES.map(({ modelType }) => modelType))].sort()).toEqual(
    [...CAUSAL_MODEL_TYPES].sort(),
  );
});

test.each(CASES)("$name: logits equal transformers'", async ({ name, isClassifier }) => {
  const fixture = new Fixture(`decoders/${name}.safetensors`);
  const batch = recordedBatch(fixture);
  const out = join(folder, `${name}-whole`);
  // Dynamic rotary scaling depends on the length, which was 11.
  const manifest = await exportOnnx(writeTinyModel(folder, name), out, { contextTokens: batch.shape[1] });
  expect(manifest.task).toBe(isClassifier ? "text-classification" : "text-generation");
  expect(manifest.operatorSets).toEqual({ "": 17 });
  const model = await ExportedModel.open(out);
  const { logits } = await model.run(batch);
  await model.close();
  const compared = (data: ArrayLike<number>) => (isClassifier ? Array.from(data) : atTokens(data, batch));
  expectAllClose(
    compared(logits!.data as Float32Array),
    compared(fixture.values("logits")),
    TOLERANCE,
    "logits",
  );
});

test.each(CASES.filter(({ isClassifier }) => !isClassifier))(
  "$name: a past handed back token by token gives the same logits",
  async ({ name }) => {
    const fixture = new Fixture(`decoders/${name}.safetensors`);
    const { shape, ids, mask } = recordedBatch(fixture);
    const [rows, columns] = shape;
    const out = join(folder, `${name}-past`);
    await exportOnnx(writeTinyModel(folder, name), out, { contextTokens: columns, hasPast: true });
    const model = await ExportedModel.open(out);
    let past = model.emptyPast(rows);
    const expected = fixture.values("logits");
    for (const [from, to] of [
      [0, 5],
      [5, 8],
      ...[8, 9, 10].map((column) => [column, column + 1] as const),
    ] as [number, number][]) {
      const results = await model.run(
        {
          shape: [rows, to - from],
          ids: columnsOf(ids, shape, from, to),
          mask: columnsOf(mask, shape, 0, to),
        },
        past,
      );
      past = pastOf(results);
      expect(past["past_key_values.0.key"]!.dims[2]).toBe(to);
      const seen: Batch = { shape: [rows, to - from], ids: [], mask: columnsOf(mask, shape, from, to) };
      expectAllClose(
        atTokens(results.logits!.data as Float32Array, seen),
        atTokens(columnsOf(expected, shape, from, to), seen),
        TOLERANCE,
        `logits ${from}..${to}`,
      );
    }
    await model.close();
  },
);
