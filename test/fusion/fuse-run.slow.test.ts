/** `tutti fuse run` as a person runs it, on a world of three sources and a tiny target. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { tutti } from "../support/command.ts";
import { sourceServer, writeFuseWorld } from "../support/fuse-world.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-fuse-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("from prompts to report", { timeout: 300_000 }, async () => {
  const server = await sourceServer();
  const config = writeFuseWorld(folder, server.url);
  const out = join(folder, "out");
  const first = await tutti("fuse", "run", config, "--out", out);
  console.log(first.stderr, first.stdout);
  expect(first.code, first.stderr).toBe(0);
  const again = await tutti("fuse", "run", config, "--out", out);
  console.log(again.stderr);
  writeFileSync("/tmp/fuse-report.html", readFileSync(join(out, "report.html")));
  writeFileSync("/tmp/fuse-report.json", readFileSync(join(out, "report.json")));
});
