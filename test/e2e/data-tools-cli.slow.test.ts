/** `tutti data import|dedupe|split|diff|export`, `store ...` and `pool check` as a person runs them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completion, sendJson, startProvider } from "../pool/provider-server.ts";
import { tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-data-tools-"));
const at = (name: string): string => join(folder, name);
const store = at("store.db");
const TIME = 120_000;

const question = (number: number): string =>
  Array.from({ length: 30 }, (_, place) => `w${(number * 7919 + place * place * 31) % 977}`).join(" ");
const row = (text: string) =>
  JSON.stringify({
    messages: [
      { role: "user", content: text },
      { role: "assistant", content: `about ${text}` },
    ],
  });
const lines = (path: string): string[] => {
  const bytes = readFileSync(path);
  const text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").trim();
  return text === "" ? [] : text.split("\n");
};

beforeAll(async () => {
  const questions = Array.from({ length: 40 }, (_, number) => question(number));
  // One question comes again with a word more.
  const all = [...questions, `${questions[3]} once`];
  writeFileSync(at("train.jsonl"), `${all.map(row).join("\n")}\n`);
  writeFileSync(at("test.jsonl"), `${[`${question(5)} now`, question(900)].map(row).join("\n")}\n`);
  const { code, stderr } = await tutti("data", "import", at("train.jsonl"), "--store", store);
  expect(stderr).not.toContain("error");
  expect(code).toBe(0);
}, TIME);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(
  "dedupe finds what is nearly twice and what a test set holds, and the export leaves both out",
  async () => {
    const dedupe = await tutti(
      ...["data", "dedupe", "--store", store, "--against", at("test.jsonl"), "--record"],
    );
    expect(dedupe.code).toBe(0);
    expect(dedupe.stderr).toContain("1 of 41 prompts are near-duplicates");
    expect(dedupe.stderr).toContain("1 of 2 test prompts are in the data");
    expect(dedupe.stdout).toMatch(/ is like .* \(0\.9\d\d\)/);
    expect(dedupe.stdout).toMatch(/ holds 9\d % of test prompt /);
    const out = at("kept.jsonl");
    const kept = await tutti(
      ...["data", "export", "--store", store, "--format", "messages", "--kept-by", "dedupe", "--out", out],
    );
    expect(kept.code).toBe(0);
    const texts = lines(out).join("\n");
    expect(lines(out)).toHaveLength(39);
    expect(texts).not.toContain(question(5));
    expect(texts.split(question(3)).length - 1).toBe(2);
  },
  2 * TIME,
);

test(
  "decisions are not recorded where there is no store",
  async () => {
    const refused = await tutti("data", "dedupe", "--data", at("train.jsonl"), "--record");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--record without --store");
  },
  TIME,
);

test(
  "split parts prompts by their text, and diff counts what two data sets share",
  async () => {
    const [train, held] = [at("a.jsonl.gz"), at("b.jsonl.gz")];
    const parted = await tutti(
      ...["data", "split", "--data", at("train.jsonl"), "--holdout", "0.3", "--as", "messages"],
      ...["--train", train, "--test", held],
    );
    expect(parted.code).toBe(0);
    const [larger, smaller] = [lines(train), lines(held)];
    expect(larger.length + smaller.length).toBe(41);
    expect(smaller.length).toBeGreaterThan(3);
    expect(larger.filter((line) => smaller.includes(line))).toEqual([]);
    const diff = await tutti("data", "diff", train, at("train.jsonl"));
    expect(diff.code).toBe(0);
    expect(diff.stdout).toContain(String(larger.length));
    expect(diff.stdout).toContain(String(smaller.length));
  },
  2 * TIME,
);

test(
  "store stats, check, backup and repair",
  async () => {
    const stats = await tutti("store", "stats", "--store", store, "--json");
    expect(JSON.parse(stats.stdout)).toMatchObject({ prompts: 41, responses: 41 });
    expect((await tutti("store", "backup", "--store", store, "--to", at("copy.db"))).code).toBe(0);
    expect((await tutti("store", "check", "--store", at("copy.db"))).stderr).toContain("nothing is wrong");
    const { default: Sqlite } = await import("libsql");
    const database = new Sqlite(at("copy.db"));
    database.exec("UPDATE responses SET model = 'another' WHERE key = (SELECT min(key) FROM responses)");
    database.close();
    const check = await tutti("store", "check", "--store", at("copy.db"));
    expect(check.code).toBe(1);
    const removed = at("removed.jsonl");
    const repair = await tutti("store", "repair", "--store", at("copy.db"), "--removed", removed);
    expect(repair.code).toBe(0);
    expect(lines(removed)).toHaveLength(1);
    expect((await tutti("store", "check", "--store", at("copy.db"))).code).toBe(0);
  },
  4 * TIME,
);

test(
  "pool check says which models work, and why another does not",
  async () => {
    const provider = await startProvider(({ body }, response) =>
      body.model === "good"
        ? sendJson(response, 200, completion("ready"))
        : sendJson(response, 404, { error: { message: "no such model" } }),
    );
    const model = (name: string) =>
      `  - { name: ${name}, provider: openai-compatible, baseUrl: "${provider.origin}/v1", ` +
      "pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 } }";
    writeFileSync(at("pool.yaml"), `models:\n${model("good")}\n${model("bad")}\n`);
    const good = await tutti("pool", "check", "good", "--pool", at("pool.yaml"));
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/works {2}good .* 7 \+ 3 tokens, \$0\.000013: "ready"/);
    const both = await tutti("pool", "check", "--pool", at("pool.yaml"));
    expect(both.code).toBe(3);
    expect(both.stdout).toContain("FAILS  bad");
    expect(both.stdout).toContain("no such model");
  },
  2 * TIME,
);
