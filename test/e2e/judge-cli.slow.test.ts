/** `tutti data import` and `tutti judge` as a person runs them: verifiers, a judging model, kill -9, a budget, mistakes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/judged/index.ts";
import { completion, sendJson, startProvider } from "../pool/provider-server.ts";
import { finish, start, tutti } from "../support/command.ts";
import { collect } from "../support/store-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-judge-cli-"));
const at = (name: string): string => join(folder, name);
const store = at("store.db");

const RECORDS = [
  {
    id: "sum",
    benchmark: "sums",
    prompt: "What is 2 + 2?",
    reference: "4",
    candidates: { a: { response: "It is 4.", score: 0 }, b: { response: "It is 5.", score: 0 } },
  },
  {
    id: "double",
    benchmark: "programs",
    prompt: "Write double(x) in Python.",
    reference: { tests: ["assert double(2) == 4"], entryPoint: "double" },
    candidates: {
      a: { response: "```python\ndef double(x):\n    return 2 * x\n```", score: 0 },
      b: { response: "```python\ndef double(x):\n    return x\n```", score: 0 },
    },
  },
  {
    id: "quiet",
    benchmark: "instructions",
    prompt: "Use no commas.",
    reference: { constraints: [{ kind: "no-commas" }] },
    candidates: { a: { response: "As you wish", score: 0 }, b: { response: "Yes, of course", score: 0 } },
  },
  {
    id: "talk",
    benchmark: "talk",
    prompt: "How are you?",
    candidates: { a: { response: "Well", score: 0 }, b: { response: "Fine", score: 0 } },
  },
];

beforeAll(async () => {
  writeFileSync(at("records.jsonl"), RECORDS.map((row) => JSON.stringify(row)).join("\n"));
  const imported = await tutti("data", "import", at("records.jsonl"), "--store", store);
  expect(imported.code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verdicts(judge: string): Promise<Record<string, string>> {
  const opened = await openStore(store);
  const names = new Map((await collect(opened.prompts())).map(({ key, id }) => [key, id]));
  const answers = new Map((await collect(opened.responses())).map((row) => [row.key, row]));
  const rows = await collect(opened.judgements({ judges: [judge] }));
  await opened.close();
  return Object.fromEntries(
    rows.map(({ responseKey, verdict }) => {
      const { model, promptKey } = answers.get(responseKey)!;
      return [`${names.get(promptKey)} ${model}`, verdict];
    }),
  );
}

test("references come with the import, and the verifier judges each prompt by its own", async () => {
  const { code, stdout, stderr } = await tutti("judge", "--store", store, "--judge", "verifier");
  expect(stderr).toMatch(/judging: 6 verdicts in /);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^a: .*; mean score 1\.0000$/m);
  expect(stdout).toMatch(/^b: .*; mean score 0\.0000$/m);
  expect(stdout).toContain("2 left out: their prompts do not have what the judge needs");
  expect(stdout).toMatch(/^6\/6 verdicts of verifier@code:\S+ in the store$/m);
  expect(await verdicts("verifier")).toEqual({
    "sum a": "correct",
    "sum b": "wrong",
    "double a": "passed",
    "double b": "wrong",
    "quiet a": "followed",
    "quiet b": "not_followed",
  });
  const again = await tutti("judge", "--store", store, "--judge", "verifier", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ total: 6, done: 6, leftOut: 2, models: [], end: "done" });
}, 300_000);

test("a judge file, and mistakes", async () => {
  writeFileSync(
    at("judge.yaml"),
    "judge: composite\nverifier: {judge: mathematics, form: any}\ntieBreak: {judge: constraints}\n",
  );
  const nothing = await tutti("judge", "--store", store, "--judge", at("judge.yaml"));
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain("none of the 8 answers that match");
  writeFileSync(at("wrong.yaml"), "judge: mathematics\nforms: any\n");
  const wrong = await tutti("judge", "--store", store, "--judge", at("wrong.yaml"));
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/wrong\.yaml:2: forms: unknown key .*form/);
  const unknown = await tutti("judge", "--store", store, "--judge", "maths");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("mathematics, code, constraints");
  const noPool = await tutti("judge", "--store", store, "--judge", "model:large/rating");
  expect(noPool.code).toBe(2);
  expect(noPool.stderr).toContain("there is no --pool");
}, 300_000);

test("a judging model: killed and out of budget, it goes on where it was", async () => {
  const provider = await startProvider((_request, response, index) => {
    // The first calls never answer: the process is killed in the midst of them.
    if (index >= 3) setTimeout(() => sendJson(response, 200, completion("Good. [[8]]")), 20);
  });
  writeFileSync(
    at("pool.yaml"),
    `models:\n  - name: large\n    provider: openai-compatible\n    baseUrl: ${provider.origin}/v1\n` +
      "    pricing: { inputCostUsdPerMillionTokens: 1000, outputCostUsdPerMillionTokens: 1000 }\n",
  );
  const command = ["judge", "--store", store, "--judge", "model:large/rating", "--pool", at("pool.yaml")];
  const settings = ["--concurrency", "3", "--lease", "1s"];
  const victim = start(...command, ...settings);
  const ended = finish(victim);
  while (provider.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  victim.kill("SIGKILL");
  await ended;
  expect(await verdicts("large/rating")).toEqual({});

  const poor = await tutti(...command, ...settings, "--budget-tokens", "5000");
  expect(poor.code).toBe(1);
  expect(poor.stderr).toContain("BUDGET_EXHAUSTED");
  const some = Object.keys(await verdicts("large/rating")).length;
  expect(some).toBeLessThan(8);

  const rest = await tutti(...command, ...settings);
  expect(rest.code).toBe(0);
  expect(rest.stdout).toMatch(/8\/8 verdicts of large\/rating@1-\w+ in the store; \$0\.\d+, \d+ tokens/);
  expect(new Set(Object.values(await verdicts("large/rating")))).toEqual(new Set(["rated"]));
  expect(provider.requests.length).toBe(3 + 8);
}, 300_000);
