/** The commands as a person runs them: train, stop, go on, evaluate, explain, serve. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JudgedRecord, readJudgedRecords, writeJudgedRecords } from "../../src/judged/index.ts";
import { finish, ROOT, start, tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-cli-"));
const [trainFile, testFile, routerFolder] = ["train.jsonl.gz", "test.jsonl.gz", "router"].map((name) =>
  join(folder, name),
) as [string, string, string];
let testRecords: readonly JudgedRecord[] = [];

const trainArgs = [
  "router",
  "train",
  "--data",
  trainFile,
  "--out",
  routerFolder,
  "--serves",
  "lookahead",
  "--epochs",
  "1",
  "--threads",
  "1",
];

/** Resolves when the child's stderr matches. */
const seen = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    child.stderr?.on("data", (chunk) => {
      text += String(chunk);
      if (pattern.test(text)) resolve(text);
    });
    child.once("close", () => reject(new Error(`ended before ${pattern}: ${text}`)));
  });

beforeAll(async () => {
  const { records } = await readJudgedRecords(
    ["mbpp", "humaneval"].map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`)),
  );
  testRecords = records.filter((_, index) => index % 3 === 0);
  await writeJudgedRecords(
    trainFile,
    records.filter((_, index) => index % 3 !== 0),
  );
  await writeJudgedRecords(testFile, testRecords);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("help and mistakes", async () => {
  const help = await tutti("--help");
  expect(help.code).toBe(0);
  expect(help.stdout).toContain("router");
  const mistake = await tutti("router", "trian");
  expect(mistake.code).toBe(2);
  expect(mistake.stderr).toContain("train");
  const missing = await tutti("router", "eval", "--router", join(folder, "nowhere"), "--data", testFile);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("ROUTER_INVALID");
  expect(missing.stderr).not.toContain("    at ");
});

test("Ctrl-C stops training with a checkpoint, and the same command finishes it", {
  timeout: 240_000,
}, async () => {
  const child = start(...trainArgs);
  const result = finish(child);
  await seen(child, /\d\/\d+ steps/);
  child.kill("SIGINT");
  const stopped = await result;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("run the same command again");
  expect(existsSync(join(routerFolder, "lookahead/training/checkpoint.safetensors"))).toBe(true);
  expect(existsSync(join(routerFolder, "router.json"))).toBe(false);
  const finished = await tutti(...trainArgs);
  expect(finished.code, finished.stderr).toBe(0);
  expect(existsSync(join(routerFolder, "router.json"))).toBe(true);
});

test("eval writes the documented JSON and never looks at answers or scores to decide", {
  timeout: 120_000,
}, async () => {
  const evaluate = async (data: string, name: string) => {
    const [json, html] = [join(folder, `${name}.json`), join(folder, `${name}.html`)];
    const result = await tutti(
      "router",
      "eval",
      "--router",
      routerFolder,
      "--data",
      data,
      "--json",
      json,
      "--html",
      html,
      "--samples",
      "20",
      "--pool",
      join(ROOT, "assets/demo/pool.yaml"),
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/cost {6}\$[\d.]+ for 1000 prompts/);
    expect(readFileSync(html, "utf8")).toContain("What does quality cost?");
    return JSON.parse(readFileSync(json, "utf8"));
  };
  const evaluation = await evaluate(testFile, "plain");
  expect(Object.keys(evaluation)).toEqual(["benchmarks", "mean", "differences", "analysis"]);
  expect(evaluation.analysis).toMatchObject({ served: "lookahead", bestSingle: { chosenOn: "training" } });
  expect(Object.keys(evaluation.analysis.costs.curves)).toEqual(
    expect.arrayContaining(["lookahead", "mlc", "knn", "kmeans", "ridge"]),
  );
  const { n, routers } = evaluation.benchmarks.MBPP;
  expect(n).toBe(testRecords.filter(({ benchmark }) => benchmark === "MBPP").length);
  expect(Object.keys(routers)).toEqual(
    expect.arrayContaining([
      "lookahead",
      "mlc",
      "random",
      "domain-best",
      "string-rule",
      "knn",
      "kmeans",
      "ridge",
      "oracle",
    ]),
  );
  expect(Object.keys(routers.lookahead)).toEqual(["native", "normalised", "interval", "shares", "choices"]);
  expect(Object.keys(routers.lookahead.choices)).toHaveLength(n);
  expect(evaluation.differences[0]).toEqual({
    router: "lookahead",
    baseline: "mlc",
    mean: expect.any(Number),
    interval: [expect.any(Number), expect.any(Number)],
  });

  const scrambled = testRecords.map((record) => ({
    ...record,
    candidates: Object.fromEntries(
      Object.keys(record.candidates).map((name, index) => [
        name,
        { response: "scrambled", score: index % 2 },
      ]),
    ),
  }));
  const scrambledFile = join(folder, "scrambled.jsonl");
  await writeJudgedRecords(scrambledFile, scrambled);
  const again = await evaluate(scrambledFile, "scrambled");
  for (const router of Object.keys(routers).filter((name) => name !== "oracle")) {
    expect(again.benchmarks.MBPP.routers[router].choices, router).toEqual(routers[router].choices);
  }
});

test("explain says which model, why, and what is near", { timeout: 60_000 }, async () => {
  const text = await tutti(
    "router",
    "explain",
    "--router",
    routerFolder,
    "Write a function that adds two numbers.",
  );
  expect(text.code, text.stderr).toBe(0);
  expect(text.stdout).toContain("nearest training prompts:");
  const json = await tutti(
    "router",
    "explain",
    "--router",
    routerFolder,
    "--json",
    "--method",
    "ridge",
    "Write a function.",
  );
  expect(JSON.parse(json.stdout)).toMatchObject({
    router: "ridge",
    scores: expect.any(Array),
    nearestTrainingPrompts: expect.any(Array),
  });
});

/** A price per model, rising in their order; answers come from the test records. */
function writePool(name: string, more = ""): string {
  const path = join(folder, name);
  const models = Object.keys(testRecords[0]!.candidates).map(
    (model, index) =>
      `  - { name: ${model}, provider: replay, pricing: { inputCostUsdPerMillionTokens: ${index + 1}, outputCostUsdPerMillionTokens: ${index + 1} } }`,
  );
  writeFileSync(path, `models:\n${models.join("\n")}\nreplay:\n  files: [test.jsonl.gz]\n${more}`);
  return path;
}

test("explain weighs quality and cost under a policy, and says what would change the decision", {
  timeout: 60_000,
}, async () => {
  const pool = writePool("explain.yaml");
  const explain = (policy: object, ...more: string[]) =>
    tutti(
      ...["router", "explain", "--router", routerFolder, "--pool", pool],
      ...["--policy", JSON.stringify(policy), ...more, "Write a function that adds two numbers."],
    );
  const cheapest = await explain({ choose: "cheapest" }, "--json");
  expect(cheapest.code, cheapest.stderr).toBe(0);
  const decision = JSON.parse(cheapest.stdout) as {
    model: string;
    scores: { model: string; quality: number; estimatedCostUsd: number; excluded: string | null }[];
    answerTokens: Record<string, { low: number; mean: number; high: number }>;
    whatWouldChange: { sentence: string }[];
  };
  const costs = decision.scores.map(({ estimatedCostUsd }) => estimatedCostUsd);
  const chosen = decision.scores.find(({ model }) => model === decision.model)!;
  expect(chosen.estimatedCostUsd).toBe(Math.min(...costs));
  for (const { model, quality } of decision.scores) {
    expect(quality).toBeGreaterThan(0);
    expect(decision.answerTokens[model]!.low).toBeLessThan(decision.answerTokens[model]!.high);
  }
  // A bar that only the best reach leaves the others out, in words and in the table.
  const best = Math.max(...decision.scores.map(({ quality }) => quality));
  const barred = await explain({ choose: "cheapest", qualityBar: best - 1e-6 });
  expect(barred.stdout).toContain("is below the bar of");
  expect(barred.stdout).toMatch(/\$0\.\d+ {2}left out/);
  const changes = await explain({ choose: "quality-minus-cost", qualityPerUsd: 1e9 });
  expect(changes.stdout).toContain("what would change the decision:");
  const wrong = await explain({ choose: "cheapst" });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/POLICY_INVALID.*cheapst/);
});

test("serve keeps to its policy, lets a request narrow it, and remembers a budget", {
  timeout: 60_000,
}, async () => {
  const pool = writePool("policy.yaml", "policy: { choose: best-quality }\n");
  const budgetFile = join(folder, "budget.json");
  const prompt = { messages: [{ role: "user" as const, content: String(testRecords[0]!.prompt) }] };
  const withServer = async (policy: object, use: (client: OpenAI, url: string) => Promise<void>) => {
    const child = start(
      ...["serve", "--router", routerFolder, "--pool", pool, "--port", "0"],
      ...["--policy", JSON.stringify(policy), "--budget-file", budgetFile],
    );
    const result = finish(child);
    const url = /listening on (\S+)/.exec(await seen(child, /listening on \S+/))![1]!;
    try {
      await use(new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 }), url);
    } finally {
      child.kill("SIGINT");
    }
    expect((await result).code).toBe(0);
  };
  const ask = async (client: OpenAI, url: string, headers: Record<string, string> = {}) => {
    const { response } = await client.chat.completions
      .create({ model: "tutti/auto", ...prompt }, { headers })
      .withResponse();
    const id = response.headers.get("x-tutti-decision-id");
    return (await (await fetch(`${url}/decisions/${id}`)).json()) as {
      model: string;
      policy: { choose: string };
      scores: { model: string; estimated_cost_usd: number }[];
    };
  };
  await withServer({ choose: "cheapest" }, async (client, url) => {
    const decision = await ask(client, url);
    expect(decision.policy.choose).toBe("cheapest");
    const denied = await ask(client, url, { "x-tutti-policy": JSON.stringify({ deny: [decision.model] }) });
    expect(denied.policy.choose).toBe("cheapest");
    expect(denied.model).not.toBe(decision.model);
    const best = await ask(client, url, { "x-tutti-policy": JSON.stringify({ choose: "best-quality" }) });
    expect(best.policy.choose).toBe("best-quality");
  });
  const budget = { usd: 1, periodSeconds: 3600, requestsPerPeriod: 100 };
  for (const requests of [1, 2]) {
    await withServer({ choose: "budget", budget }, async (client, url) => {
      expect((await ask(client, url)).policy.choose).toBe("budget");
      await expect(ask(client, url, { "x-tutti-policy": '{"choose":"cheapest"}' })).rejects.toMatchObject({
        status: 400,
      });
    });
    expect(JSON.parse(readFileSync(budgetFile, "utf8"))).toMatchObject({ requests });
  }
});

test("serve answers the official client and stops on Ctrl-C", { timeout: 60_000 }, async () => {
  const pool = writePool("pool.yaml");
  const child = start("serve", "--router", routerFolder, "--pool", pool, "--port", "0");
  const result = finish(child);
  const url = /listening on (\S+)/.exec(await seen(child, /listening on \S+/))![1]!;
  const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const { data, response } = await client.chat.completions
    .create({ model: "tutti/auto", messages: [{ role: "user", content: String(testRecords[0]!.prompt) }] })
    .withResponse();
  const model = response.headers.get("x-tutti-model")!;
  expect(data.choices[0]!.message.content).toBe(testRecords[0]!.candidates[model]!.response);
  child.kill("SIGINT");
  expect((await result).code).toBe(0);
});
