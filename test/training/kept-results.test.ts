/** Results that examples keep belong to one experiment. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { claimFolder, digestsOf, kept } from "../../examples/kept.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-kept-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a folder is one experiment's, and says what differs", async () => {
  const file = join(folder, "data.txt");
  writeFileSync(file, "one");
  const out = join(folder, "out");
  const identity = async (folds: number) => ({ folds, data: await digestsOf([file]) });
  claimFolder(out, await identity(5));
  claimFolder(out, await identity(5));
  const ten = await identity(10);
  expect(() => claimFolder(out, ten)).toThrow(/begun with other folds$/);
  writeFileSync(file, "two");
  const changed = await identity(5);
  expect(() => claimFolder(out, changed)).toThrow(/begun with other data$/);
});

test("a result is computed once", async () => {
  const path = join(folder, "deep", "result.json");
  let times = 0;
  const compute = async () => ({ times: ++times });
  expect(await kept(path, compute)).toEqual({ times: 1 });
  expect(await kept(path, compute)).toEqual({ times: 1 });
});
