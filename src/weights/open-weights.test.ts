import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiError } from "../support/errors.ts";
import { openWeights, writeSafetensors } from "./index.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tutti-weights-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function errorOf(action: () => unknown): TuttiError {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

const tensor = (value: number) => ({ dtype: "F32" as const, shape: [1], data: Float32Array.of(value) });

/** A folder with two shards and this index. */
function checkpoint(name: string, index: unknown): string {
  const folder = join(root, name.replaceAll(/\W+/g, "-"));
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, "model-00001-of-00002.safetensors"), { a: tensor(1), b: tensor(2) });
  writeSafetensors(join(folder, "model-00002-of-00002.safetensors"), { c: tensor(3) });
  writeFileSync(
    join(folder, "model.safetensors.index.json"),
    typeof index === "string" ? index : JSON.stringify(index),
  );
  return folder;
}

const FIRST = "model-00001-of-00002.safetensors";
const SECOND = "model-00002-of-00002.safetensors";
const WEIGHT_MAP = { a: FIRST, b: FIRST, c: SECOND };

describe("a checkpoint in several files", () => {
  it("is read as one", () => {
    const folder = checkpoint("whole", { metadata: { total_size: 12 }, weight_map: WEIGHT_MAP });
    const weights = openWeights(folder);
    expect([...weights.entries.keys()]).toEqual(["a", "b", "c"]);
    expect(["a", "b", "c"].map((name) => weights.read(name).data[0])).toEqual([1, 2, 3]);
    expect(errorOf(() => weights.read("d")).code).toBe("WEIGHTS_MISMATCH");
    weights.close();
    weights.close();
  });

  it.each([
    ["a tensor in the wrong file", { ...WEIGHT_MAP, c: FIRST }, "WEIGHTS_MISMATCH"],
    ["a file that is not there", { ...WEIGHT_MAP, c: "model-00003-of-00003.safetensors" }, "FILE_NOT_FOUND"],
  ])("%s", (name, weight_map, code) => {
    expect(errorOf(() => openWeights(checkpoint(name, { weight_map }))).code).toBe(code);
  });
});

describe("links", () => {
  it("all of them into one folder, as in the hub's cache", () => {
    const folder = checkpoint("linked", { weight_map: WEIGHT_MAP });
    const contents = join(root, "linked-contents");
    mkdirSync(contents);
    for (const name of readdirSync(folder)) {
      renameSync(join(folder, name), join(contents, `${name}.content`));
      symlinkSync(join("../linked-contents", `${name}.content`), join(folder, name));
    }
    const weights = openWeights(folder);
    expect(weights.read("c").data[0]).toBe(3);
    weights.close();
  });

  it("to the whole folder", () => {
    const folder = checkpoint("real", { weight_map: WEIGHT_MAP });
    symlinkSync(folder, join(root, "link-to-real"));
    const weights = openWeights(join(root, "link-to-real"));
    expect(weights.read("a").data[0]).toBe(1);
    weights.close();
  });

  it("one of them out of the folder", () => {
    const folder = checkpoint("escaping", { weight_map: WEIGHT_MAP });
    renameSync(join(folder, SECOND), join(root, SECOND));
    symlinkSync(join(root, SECOND), join(folder, SECOND));
    const error = errorOf(() => openWeights(folder));
    expect(error.code).toBe("SAFETENSORS_INVALID");
    expect(error.message).toContain("link out of the folder");
  });
});

describe("one file", () => {
  it("alone, or in its folder", () => {
    const folder = join(root, "single");
    writeSafetensors(join(folder, "model.safetensors"), { a: tensor(5) });
    for (const path of [folder, join(folder, "model.safetensors")]) {
      const weights = openWeights(path);
      expect(weights.read("a").data[0]).toBe(5);
      weights.close();
    }
  });

  it("a folder without weights", () => {
    const folder = join(root, "empty");
    mkdirSync(folder);
    expect(errorOf(() => openWeights(folder)).code).toBe("FILE_NOT_FOUND");
  });
});
