/** The files of docs/fused-tutorial.md belong together. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadFuseConfig, loadPoolConfig } from "../../src/config/index.ts";
import { ROOT } from "../support/command.ts";

const FOLDER = join(ROOT, "examples/fused");

test("no prompt serves two purposes", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));
  expect(files.sort()).toEqual([
    ...["fuse-instructions.jsonl", "fuse-sums.jsonl", "route.jsonl"],
    ...["test-instructions.jsonl", "test-sums.jsonl"],
  ]);
  const prompts = files.flatMap((name) =>
    readFileSync(join(FOLDER, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { prompt: string }).prompt),
  );
  expect(prompts.length).toBe(352);
  expect(new Set(prompts).size).toBe(prompts.length);
});

test("the pool has the sources and what is made of them", () => {
  const fuse = loadFuseConfig(join(FOLDER, "fuse.yaml"));
  const { models } = loadPoolConfig(fuse.pool);
  expect(models.map(({ name }) => name)).toEqual([...fuse.sources.map(({ model }) => model), "fused"]);
});
