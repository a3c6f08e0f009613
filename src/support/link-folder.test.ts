import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkFolder } from "./link-folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-link-"));
  for (const name of ["a", "b"]) {
    mkdirSync(join(folder, "run/stages", name), { recursive: true });
    writeFileSync(join(folder, "run/stages", name, "which"), name);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const stage = (name: string): string => join(folder, "run/stages", name);

test("names the folder, and another one later", () => {
  const link = join(folder, "run/model");
  for (const name of ["a", "a", "b"]) {
    linkFolder(stage(name), link);
    expect(readFileSync(join(link, "which"), "utf8")).toBe(name);
  }
  expect(readdirSync(join(folder, "run")).sort()).toEqual(["model", "stages"]);
});

test.skipIf(process.platform === "win32")("moves with what it names", () => {
  linkFolder(stage("a"), join(folder, "run/model"));
  renameSync(join(folder, "run"), join(folder, "moved"));
  expect(readFileSync(join(folder, "moved/model/which"), "utf8")).toBe("a");
});

test("leaves a real folder alone", () => {
  const link = join(folder, "run/model");
  mkdirSync(link);
  writeFileSync(join(link, "mine"), "");
  expect(() => linkFolder(stage("a"), link)).toThrow(expect.objectContaining({ code: "FILE_WRITE_FAILED" }));
  expect(existsSync(join(link, "mine"))).toBe(true);
  expect(readdirSync(join(folder, "run")).sort()).toEqual(["model", "stages"]);
});
