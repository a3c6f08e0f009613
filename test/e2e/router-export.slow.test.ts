/** `tutti router export` and `tutti router verify` as a person runs them. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tutti } from "../support/command.ts";
import { PROMPTS, writeTinyRouterFolder } from "../support/tiny-routers.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-router-export-cli-"));
const [router, out] = [join(folder, "router"), join(folder, "out")];
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => writeTinyRouterFolder(router));

test("a router is exported and verified; a changed file is named", async () => {
  const exported = await tutti("router", "export", "--router", router, "--out", out, "--precision", "int8");
  expect(exported.stderr).toMatch(
    /lookahead \(lookahead-mlm\), 3 candidates, int8, \d\.\d MB, error \d\.\d\d%/,
  );
  expect([exported.code, exported.stdout]).toEqual([0, `${out}\n`]);
  const digest = exported.stderr.match(/digest ([0-9a-f]{64})/)![1]!;
  const verified = await tutti("router", "verify", out);
  expect([verified.code, verified.stdout]).toEqual([0, `${out}: 2 files unchanged, digest ${digest}\n`]);
  const prompts = join(folder, "prompts.jsonl");
  writeFileSync(
    prompts,
    PROMPTS.slice(1)
      .map((prompt) => `${JSON.stringify({ prompt })}\n`)
      .join(""),
  );
  const compared = await tutti("router", "verify", out, "--router", router, "--data", prompts);
  expect(compared.code).toBe(0);
  expect(compared.stdout).toMatch(
    new RegExp(
      `${PROMPTS.length - 1} prompts: the same model as ${router} for [\\d.]+%, scores off by [\\d.]+%`,
    ),
  );
  const exact = join(folder, "exact");
  await tutti("router", "export", "--router", router, "--out", exact);
  const equal = await tutti("router", "verify", exact, "--router", router, "--data", prompts);
  expect(equal.stdout).toContain("for 100.0%, scores off by 0.00%");
  const alone = await tutti("router", "verify", out, "--data", prompts);
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining("--data was given alone")]);
  appendFileSync(join(out, "tokenizer.json"), " ");
  const changed = await tutti("router", "verify", out);
  expect(changed.code).toBe(1);
  expect(changed.stderr).toContain("EXPORT_INVALID");
  expect(changed.stderr).toContain("tokenizer.json must have");
});

test("a method that is no graph says which can be exported", async () => {
  const refused = await tutti(
    "router",
    "export",
    "--router",
    router,
    "--out",
    join(folder, "no"),
    "--method",
    "random",
  );
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('method "random" cannot be exported');
});
