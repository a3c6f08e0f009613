/** Exported encoders, run by a plain ONNX Runtime session, against recorded transformers runs on padded batches. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { ENCODER_MODEL_TYPES } from "../../src/models/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { ExportedModel, int64Tensor } from "../support/exported-model.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-export-bert-"));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = new Fixture("models/tiny-bert.safetensors");
const mask = fixture.int("attention_mask");
const batch = {
  shape: fixture.shape("input_ids") as [number, number],
  ids: fixture.int("input_ids").data,
  mask: mask.data,
};

/** The recorded model as a folder; `rename` tells a parameter's name there, undefined leaves it out. */
function writeBert(name: string, rename: (parameter: string) => string | undefined): string {
  const path = join(folder, name);
  const tensors = fixture.names("param.").flatMap((parameter) => {
    const stored = rename(parameter);
    const { shape, data } = fixture.float(`param.${parameter}`);
    return stored === undefined ? [] : [{ name: stored, dtype: "F32" as const, shape, data }];
  });
  const pooler = { name: "pooler.dense.bias", dtype: "F32" as const, shape: [2], data: new Float32Array(2) };
  writeSafetensors(join(path, "model.safetensors"), [...tensors, pooler]);
  copyFileSync(join(FIXTURES, "models/tiny-bert.config.json"), join(path, "config.json"));
  return path;
}

function atTokens(data: ArrayLike<number>): number[] {
  const width = data.length / mask.data.length;
  return Array.from(data).filter((_, flat) => mask.data[Math.floor(flat / width)] !== 0);
}

const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };
const types = fixture.int("token_type_ids");
const given = { token_type_ids: int64Tensor(types.data, types.shape) };

test("logits of the masked-language-model head equal transformers'", async () => {
  const out = join(folder, "mlm-out");
  const manifest = await exportOnnx(
    writeBert("mlm", (name) => name),
    out,
  );
  expect(manifest).toMatchObject({ task: "fill-mask", family: "encoder", operatorSets: { "": 17 } });
  expect(manifest.inputs).toEqual(
    ["input_ids", "attention_mask", "token_type_ids"].map((name) => ({
      name,
      dtype: "int64",
      shape: ["batch_size", "sequence_length"],
    })),
  );
  expect(manifest.outputs).toEqual([
    { name: "logits", dtype: "float32", shape: ["batch_size", "sequence_length", 128] },
  ]);
  const model = await ExportedModel.open(out);
  const { logits } = await model.run(batch, given);
  await model.close();
  expectAllClose(
    atTokens(logits!.data as Float32Array),
    atTokens(fixture.values("logits")),
    TOLERANCE,
    "logits",
  );
});

test.each(["with the head in the file", "bare"])(
  "last hidden states equal transformers', %s",
  async (kind) => {
    const isBare = kind === "bare";
    const path = writeBert(`features-${isBare}`, (name) =>
      !isBare ? name : name.startsWith("bert.") ? name.slice("bert.".length) : undefined,
    );
    const out = join(folder, `features-${isBare}-out`);
    const manifest = await exportOnnx(path, out, { task: "feature-extraction" });
    expect(manifest.outputs[0]!.shape).toEqual(["batch_size", "sequence_length", 32]);
    const model = await ExportedModel.open(out);
    const { last_hidden_state: hidden } = await model.run(batch, given);
    await model.close();
    expectAllClose(
      atTokens(hidden!.data as Float32Array),
      atTokens(fixture.values("last_hidden_state")),
      TOLERANCE,
      "hidden",
    );
  },
);

interface Recorded {
  readonly task: "masked" | "classification";
  readonly config: { readonly model_type: string };
}

const CASES = readdirSync(join(FIXTURES, "encoders"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));

test("every encoder family is among the cases", () => {
  const types = CASES.map((name) => fixtureJson<Recorded>(`encoders/${name}.json`).config.model_type);
  expect([...new Set(types)].sort()).toEqual([...ENCODER_MODEL_TYPES].sort());
});

test.each(CASES)("logits of %s equal transformers'", async (name) => {
  const { config, task } = fixtureJson<Recorded>(`encoders/${name}.json`);
  const recorded = new Fixture(`encoders/${name}.safetensors`);
  const path = join(folder, name);
  writeSafetensors(
    join(path, "model.safetensors"),
    recorded.names("param.").map((parameter) => {
      const { shape, data } = recorded.float(`param.${parameter}`);
      return { name: parameter, dtype: "F32" as const, shape, data };
    }),
  );
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
  const out = join(folder, `${name}-out`);
  const manifest = await exportOnnx(path, out);
  expect(manifest.task).toBe(task === "masked" ? "fill-mask" : "text-classification");
  const ids = recorded.int("input_ids");
  const { data } = recorded.int("attention_mask");
  const typeIds = recorded.names("token_type_ids").map((rest) => recorded.int(`token_type_ids${rest}`));
  const model = await ExportedModel.open(out);
  const { logits } = await model.run(
    { shape: ids.shape as [number, number], ids: ids.data, mask: data },
    typeIds[0] && { token_type_ids: int64Tensor(typeIds[0].data, typeIds[0].shape) },
  );
  await model.close();
  const received = logits!.data as Float32Array;
  const width = received.length / data.length;
  const kept = (values: ArrayLike<number>): number[] =>
    Array.from(values).filter((_, flat) => task !== "masked" || data[Math.floor(flat / width)] !== 0);
  expectAllClose(kept(received), kept(recorded.values("logits")), TOLERANCE, "logits");
});

test("a head that the weights lack is said with those that they have", async () => {
  const path = writeBert("none", (name) => name);
  await expect(exportOnnx(path, join(folder, "no"), { task: "text-classification" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    hint: "they allow fill-mask, feature-extraction",
  });
  await expect(exportOnnx(path, join(folder, "no"), { hasPast: true })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  await expect(exportOnnx(path, join(folder, "no"), { contextTokens: 65 })).rejects.toThrow(
    /from 1 to .* 64/,
  );
});
