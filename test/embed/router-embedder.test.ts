/** Embeddings for routers: length 1 whatever the pipeline, a name that saved routers check, a copy that stands alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { copyEmbedder } from "../../src/routing/router-folder.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { PIPELINES, pipelineCase, writeBackbone, writeCase } from "./embedding-folders.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-router-embedder-"));
afterAll(() => rmSync(root, { recursive: true }));

test("vectors have length 1; the kind names model and pooling", async () => {
  const alone = new EncoderEmbedder(writeBackbone(join(root, "alone"), "bert"));
  const pooled = new EncoderEmbedder(writeCase(join(root, "dense"), pipelineCase("bert dense")));
  expect(alone.kind).toMatch(/^bert-mean:[0-9a-f]{16}$/);
  expect(pooled.kind).toMatch(/^bert-mean-cls-dense-dense:[0-9a-f]{16}$/);
  expect([alone.dimension, pooled.dimension]).toEqual([16, 7]);
  const unscaled = new EncoderEmbedder(writeCase(join(root, "unscaled"), pipelineCase("bert mean")));
  // A folder that says nothing, as copies of earlier releases are, means what it meant.
  expect(unscaled.kind).toBe(alone.kind);
  const [first, second] = [await alone.embed(PIPELINES.texts), await unscaled.embed(PIPELINES.texts)];
  for (const [index, vector] of first.entries()) {
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expectAllClose(vector, second[index]!, { absolute: 1e-6, relative: 0 }, `text ${index}`);
  }
});

test("a router's copy holds all that embedding needs", async () => {
  const folder = writeCase(join(root, "whole"), pipelineCase("bert dense"));
  const original = new EncoderEmbedder(folder);
  const expected = await original.embed(PIPELINES.texts);
  copyEmbedder(join(root, "router"), folder);
  rmSync(folder, { recursive: true });
  const copy = new EncoderEmbedder(join(root, "router", "embedder"));
  expect(copy.kind).toBe(original.kind);
  expect(await copy.embed(PIPELINES.texts)).toEqual(expected);
});
