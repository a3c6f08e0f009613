/** Exported routers give the scores of the routers that they were made of, alone and in padded batches. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomRouter } from "../../src/routing/baselines/constant-routers.ts";
import { RidgeRouter } from "../../src/routing/baselines/ridge-router.ts";
import { TfidfLsaEmbedder } from "../../src/routing/embedding/index.ts";
import {
  ExportedRouter,
  exportRouter,
  type RouterExportOptions,
  readRouterManifest,
} from "../../src/routing/export/index.ts";
import { promptIds } from "../../src/routing/export/prompt-ids.ts";
import type { Router } from "../../src/routing/router.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { PIPELINES, pipelineCase, writeBackbone, writeCase } from "../embed/embedding-folders.ts";
import { int64Tensor } from "../support/exported-model.ts";
import { CANDIDATES, PROMPTS, tinyLatent, tinyLookahead, tinyRidge } from "../support/tiny-routers.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-router-export-"));
afterAll(() => rmSync(root, { recursive: true }));

const queries = (prompts: readonly string[]) =>
  prompts.map((prompt, index) => ({ id: String(index), prompt }));

let exports = 0;
function exported(router: Router, options: RouterExportOptions = {}) {
  const folder = join(root, `out-${exports++}`);
  return { folder, manifest: exportRouter(router, folder, options) };
}

/** Largest difference, as a share of the spread of the expected scores. */
function difference(received: readonly Float64Array[], expected: readonly Float64Array[]): number {
  const all = expected.flatMap((row) => [...row]);
  const spread = Math.max(...all) - Math.min(...all);
  const worst = expected.flatMap((row, r) => [...row].map((score, c) => Math.abs(score - received[r]![c]!)));
  expect(spread).toBeGreaterThan(0.01);
  return Math.max(...worst) / spread;
}

const SLIDING = { model_type: "mistral", sliding_window: 7 };

const ROUTERS: Readonly<Record<string, () => Router | Promise<Router>>> = {
  "lookahead mlm, reading the first place": () => tinyLookahead("mlm"),
  "lookahead mlm, reading the mean": () => tinyLookahead("mlm", { pooling: "mean" }),
  "lookahead clm": () => tinyLookahead("clm"),
  "lookahead clm with a sliding window": () => {
    const { settings } = tinyLookahead("clm");
    return tinyLookahead("clm", { backbone: { ...settings.backbone, ...SLIDING } });
  },
  mlc: () => tinyLookahead("mlc", { labels: "absolute" }),
  "mlc, reading the mean": () => tinyLookahead("mlc", { pooling: "mean" }),
  "latent over BERT, mean": () => tinyLatent(writeBackbone(join(root, "latent-bert"), "bert")),
  "ridge over BERT, mean": () => tinyRidge(writeBackbone(join(root, "bert"), "bert")),
  "ridge over BERT, mean and first side by side, dense layers": () =>
    tinyRidge(writeCase(join(root, "dense"), pipelineCase("bert dense"))),
  "ridge over Qwen 3, last token": () => tinyRidge(writeBackbone(join(root, "qwen3"), "qwen3")),
};

describe.each(Object.entries(ROUTERS))("%s", (name, make) => {
  let router: Router;
  beforeAll(async () => {
    router = await make();
  });
  const prompts = /^(ridge|latent)/.test(name) ? [...PIPELINES.texts, ...PROMPTS] : PROMPTS;

  test("f32: standard operators, equal scores", async () => {
    const { folder, manifest } = exported(router);
    expect(manifest.operatorSets).toEqual({ "": 17 });
    expect(manifest.candidates).toEqual(CANDIDATES);
    const opened = await ExportedRouter.open(folder, { threads: 1 });
    const expected = await router.scores(queries(prompts));
    expect(difference(await opened.scores(queries(prompts)), expected)).toBeLessThan(2e-5);
    await opened.dispose();

    // One batch, padded on the right, through nothing but the file and its manifest.
    const tokenizer = loadTokenizer(join(folder, manifest.tokenizer));
    const rows = prompts.map((prompt) => promptIds(manifest.tokenization, tokenizer, prompt));
    const width = Math.max(...rows.map(({ length }) => length));
    const session = await InferenceSession.create(join(folder, manifest.model), { intraOpNumThreads: 1 });
    const padded = rows.flatMap((row) => [
      ...row,
      ...new Array<number>(width - row.length).fill(manifest.tokenization.padId),
    ]);
    const mask = rows.flatMap((row) =>
      Array.from({ length: width }, (_, place) => Number(place < row.length)),
    );
    const { scores } = await session.run({
      input_ids: int64Tensor(padded, [rows.length, width]),
      attention_mask: int64Tensor(mask, [rows.length, width]),
    });
    const columns = CANDIDATES.length;
    const together = rows.map((_, row) =>
      Float64Array.from((scores!.data as Float32Array).subarray(row * columns, (row + 1) * columns)),
    );
    expect(difference(together, expected)).toBeLessThan(2e-5);
    await session.release();
  });
});

test("int8: standard operators, near the scores, a third of the file", async () => {
  const router = tinyLookahead("mlm");
  const exact = exported(router);
  const { folder, manifest } = exported(router, { precision: "int8" });
  expect(manifest.operatorSets).toEqual({ "": 17 });
  expect(manifest.quantizationError).toBeGreaterThan(1e-4);
  expect(manifest.quantizationError).toBeLessThan(0.02);
  const bytes = ({ files }: typeof manifest) => files.find(({ name }) => name === "model.onnx")!.bytes;
  expect(bytes(manifest)).toBeLessThan(bytes(exact.manifest) / 3);
  const opened = await ExportedRouter.open(folder, { threads: 1 });
  const expected = await router.scores(queries(PROMPTS));
  const found = difference(await opened.scores(queries(PROMPTS)), expected);
  expect(found).toBeGreaterThan(1e-6);
  expect(found).toBeLessThan(0.1);
  await opened.dispose();
});

test("equal bytes for equal routers", () => {
  const [first, second] = [exported(tinyLookahead("mlc")), exported(tinyLookahead("mlc"))];
  expect(second.manifest.digest).toBe(first.manifest.digest);
});

test("methods that are no function of token ids say so", () => {
  expect(() => exported(new RandomRouter(CANDIDATES, 0))).toThrow(
    expect.objectContaining({ code: "EXPORT_INVALID", message: expect.stringContaining('"random"') }),
  );
  const embedder = TfidfLsaEmbedder.fit(["a b c", "b c d"], { minDocumentFrequency: 1 });
  const router = new RidgeRouter(CANDIDATES, embedder, {
    lambda: 1,
    weights: new Float64Array(CANDIDATES.length * embedder.dimension),
    intercepts: new Float64Array(CANDIDATES.length),
  });
  expect(() => exported(router)).toThrow(
    expect.objectContaining({ code: "EXPORT_INVALID", message: expect.stringContaining("tfidf-lsa") }),
  );
});

describe("what was changed is refused", () => {
  const original = exported(tinyLookahead("mlc")).folder;
  const changed = (file: string, change: (content: Buffer) => Buffer | string): string => {
    const folder = join(root, `changed-${exports++}`);
    cpSync(original, folder, { recursive: true });
    const path = join(folder, file);
    writeFileSync(path, change(readFileSync(path)));
    return folder;
  };
  const flipped = (content: Buffer): Buffer => {
    const copy = Buffer.from(content);
    copy[copy.length - 100]! ^= 1;
    return copy;
  };

  test.each([
    ["a weight", "model.onnx", flipped, /model\.onnx was changed: its sha256/],
    ["a shorter file", "tokenizer.json", (c: Buffer) => c.subarray(1), /tokenizer\.json must have \d+ bytes/],
    [
      "a candidate's name",
      "manifest.json",
      (c: Buffer) => c.toString().replace("large-model", "other-model"),
      /manifest\.json was changed: its digest/,
    ],
    [
      "a file's hash",
      "manifest.json",
      (c: Buffer) => c.toString().replace(/"sha256": "./, '"sha256": "0'),
      /manifest\.json was changed/,
    ],
    ["no JSON", "manifest.json", () => "{", /is no JSON/],
    ["a missing key", "manifest.json", () => '{"format": "tutti-router-export"}', /formatVersion/],
  ])("%s", async (_, file, change, message) => {
    const folder = changed(file, change);
    await expect(readRouterManifest(folder)).rejects.toThrow(message);
    await expect(ExportedRouter.open(folder)).rejects.toMatchObject({ code: "EXPORT_INVALID" });
  });

  test("a missing manifest", async () => {
    await expect(readRouterManifest(join(root, "nothing"))).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  });
});
