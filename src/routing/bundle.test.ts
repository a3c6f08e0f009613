import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../support/errors.ts";
import { loadBundle, saveBundle } from "./bundle.ts";

const schema = z.object({ size: z.int().positive() });
const content = {
  header: { size: 3 },
  arrays: { single: Float32Array.of(0.5, -1, 2), double: Float64Array.of(0.1, Math.PI) },
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tutti-bundle-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const dataFile = () => readdirSync(directory).find((name) => name.endsWith(".bin"))!;

function edit(change: (index: Record<string, unknown>) => void): void {
  const path = join(directory, "part.json");
  const index = JSON.parse(readFileSync(path, "utf8"));
  change(index);
  writeFileSync(path, JSON.stringify(index));
}

describe("bundle", () => {
  it("gives back header and arrays bit for bit", () => {
    saveBundle(directory, "part", "test-format", content);
    const { header, arrays } = loadBundle(directory, "part", "test-format", schema);
    expect(header).toEqual({ size: 3 });
    expect(arrays.float32("single", 3)).toEqual(content.arrays.single);
    expect(arrays.float64("double", 2)).toEqual(content.arrays.double);
  });

  it("keeps one binary per name and leaves other bundles alone", () => {
    saveBundle(directory, "part", "test-format", content);
    saveBundle(directory, "part.two", "test-format", content);
    const first = dataFile();
    saveBundle(directory, "part", "test-format", { ...content, arrays: { single: Float32Array.of(9) } });
    const files = readdirSync(directory);
    expect(files).toHaveLength(4);
    expect(files).not.toContain(first);
    expect(loadBundle(directory, "part", "test-format", schema).arrays.float32("single", 1)[0]).toBe(9);
    expect(() => loadBundle(directory, "part.two", "test-format", schema)).not.toThrow();
  });

  it("still reads the old state when a save was killed before its last file", () => {
    saveBundle(directory, "part", "test-format", content);
    const index = readFileSync(join(directory, "part.json"));
    const first = dataFile();
    copyFileSync(join(directory, first), join(directory, "kept"));
    saveBundle(directory, "part", "test-format", { ...content, arrays: {} });
    // What the folder holds between the write of the new binary and the write of the new index.
    copyFileSync(join(directory, "kept"), join(directory, first));
    writeFileSync(join(directory, "part.json"), index);
    expect(loadBundle(directory, "part", "test-format", schema).arrays.float32("single", 3)[2]).toBe(2);
  });

  const damages: Array<[string, () => void, RegExp]> = [
    ["missing index", () => rmSync(join(directory, "part.json")), /part\.json: could not be read/],
    [
      "cut index",
      () => writeFileSync(join(directory, "part.json"), '{"format": "te'),
      /part\.json: is not JSON/,
    ],
    [
      "array instead of object",
      () => writeFileSync(join(directory, "part.json"), "[]"),
      /part\.json: content: /,
    ],
    [
      "other format",
      () => edit((index) => Object.assign(index, { format: "x" })),
      /format is "x", expected "test-format"/,
    ],
    [
      "newer version",
      () => edit((index) => Object.assign(index, { version: 2 })),
      /version is 2, expected 1/,
    ],
    [
      "wrong header",
      () => edit((index) => Object.assign(index, { header: { size: "3" } })),
      /header\.size: /,
    ],
    ["missing arrays", () => edit((index) => delete index.arrays), /arrays: /],
    [
      "data outside the folder",
      () =>
        edit((index) => Object.assign(index, { data: { file: "../part.0123456789abcdef.bin", sha256: "" } })),
      /data\.file: /,
    ],
    ["missing binary", () => rmSync(join(directory, dataFile())), /\.bin: could not be read/],
    [
      "damaged binary",
      () => writeFileSync(join(directory, dataFile()), "short"),
      /\.bin: has SHA-256 .* expected/,
    ],
    [
      "array past the end",
      () => edit((index) => Object.assign((index.arrays as object[])[0]!, { length: 1000 })),
      /arrays\.0 \(double\) lies outside/,
    ],
    [
      "misaligned array",
      () => edit((index) => Object.assign((index.arrays as object[])[0]!, { offset: 4, length: 1 })),
      /arrays\.0 \(double\) lies outside/,
    ],
  ];

  it.each(damages)("refuses a bundle with %s", (_, damage, message) => {
    saveBundle(directory, "part", "test-format", content);
    damage();
    let thrown: unknown;
    try {
      loadBundle(directory, "part", "test-format", schema);
    } catch (error) {
      thrown = error;
    }
    expect(TuttiError.is(thrown) && thrown.code).toBe("ROUTER_INVALID");
    expect((thrown as Error).message).toMatch(message);
  });

  it("names an array of another type or length", () => {
    saveBundle(directory, "part", "test-format", content);
    const { arrays } = loadBundle(directory, "part", "test-format", schema);
    expect(() => arrays.float32("double", 2)).toThrow(
      /arrays\.double is float64\[2\], expected float32\[2\]/,
    );
    expect(() => arrays.float32("single", 4)).toThrow(
      /arrays\.single is float32\[3\], expected float32\[4\]/,
    );
    expect(() => arrays.under("other/").float32("single", 3)).toThrow(/arrays\.other\/single is nothing/);
  });
});
