/** `tutti fuse` as a person uses it, on a world of three sources and a tiny target. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { FusePlan, FuseReport } from "../../src/fusion/index.ts";
import { openStore } from "../../src/judged/index.ts";
import { createLocalUpstream } from "../../src/pool/index.ts";
import { finish, ROOT, start, tutti } from "../support/command.ts";
import { FUSE_FILE, SOURCES, sourceServer, writeFuseWorld } from "../support/fuse-world.ts";
import { pythonLacks, runPython } from "../support/python.ts";
import { collect } from "../support/store-rows.ts";
import { writeTinyChatModel } from "../support/tiny-chat-model.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-fuse-"));
const out = join(folder, "out");
const config = join(folder, "fuse.yaml");
afterAll(() => rmSync(folder, { recursive: true }));

/** Training answers: 31 sums by 3 sources 4 times, 12 chats by 3 sources 3 times, 3 greetings by one once. */
const ANSWERS = 31 * 3 * 4 + 12 * 3 * 3 + 3;

interface Row {
  readonly prompt: readonly { readonly content: string }[];
  readonly messages: readonly { readonly content: string }[];
  readonly lineage: {
    readonly prompt: string;
    readonly answer: { readonly source: string; readonly score: number; readonly correct?: boolean };
    readonly rejected: { readonly source: string; readonly score: number; readonly correct?: boolean };
    readonly domain: string;
  };
}

const rowsOf = (path: string): Row[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);

const run = () => tutti("fuse", "run", config, "--out", out);
const statesOf = (stderr: string): Record<string, string> =>
  Object.fromEntries(
    [...stderr.matchAll(/^(\w+): (done|was done before)$/gm)].map(([, stage, state]) => [stage, state]),
  );
const stageFolder = (stage: string): string => {
  const names = readdirSync(join(out, "stages")).filter(
    (name) => name.startsWith(`${stage}-`) && !name.endsWith(".json"),
  );
  expect(names).toHaveLength(1);
  return join(out, "stages", names[0]!);
};
const plan = async (): Promise<FusePlan> => {
  const { code, stdout, stderr } = await tutti("fuse", "plan", config, "--out", out, "--json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as FusePlan;
};

const STAGES = ["prompts", "sample", "judge", "select", "sft", "dpo", "evaluate", "report"];
const all = (state: string) => Object.fromEntries(STAGES.map((stage) => [stage, state]));

test("from prompts to report, and nothing twice", { timeout: 600_000 }, async () => {
  const server = await sourceServer();
  writeFuseWorld(folder, server.url);
  const before = await plan();
  expect(existsSync(out)).toBe(false);
  expect(before.done).toEqual([]);
  expect(before.domains).toMatchObject({ sums: { train: 31, holdout: 5 }, chats: { train: 12, holdout: 8 } });
  expect(before.missing.answers).toBe(ANSWERS + 3 * 13 + 1);
  expect(before.answers.find(({ model, domain }) => model === "adder" && domain === "sums")).toMatchObject({
    ...{ purpose: "training", wanted: 124, there: 0 },
    // As long as it may be: 24 tokens.
    estimate: { completionTokens: 124 * 24 },
  });
  expect(server.received).toHaveLength(0);

  const misspelt = join(folder, "misspelt.yaml");
  writeFileSync(misspelt, FUSE_FILE.replace("verifier: mathematics", "verifier: mathematcs"));
  const refused = await tutti("fuse", "run", misspelt, "--out", out);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("mathematcs");
  expect(server.received).toHaveLength(0);

  const first = await run();
  expect(first.code, first.stderr).toBe(0);
  expect(statesOf(first.stderr)).toEqual(all("done"));
  const calls = server.received.length;
  const again = await run();
  expect(statesOf(again.stderr)).toEqual(all("was done before"));
  expect(again.stdout).toBe(first.stdout);
  expect(server.received).toHaveLength(calls);

  expect(first.stdout.trim()).toBe(join(out, "model"));
  expect(realpathSync(join(out, "model"))).toBe(realpathSync(join(stageFolder("dpo"), "model")));

  const after = await plan();
  expect(after.done).toEqual(STAGES);
  expect(after.missing).toEqual({ answers: 0, tokens: 0, costUsd: 0 });
  expect(after.sft.rows).toEqual([24, 24]);
});

test("the sets are what the rules say", { timeout: 60_000 }, async () => {
  const folderOfSets = stageFolder("select");
  const sft = rowsOf(join(folderOfSets, "sft.jsonl"));
  const pairs = ["pairs.jsonl", "pairs-validation.jsonl"].flatMap((name) => rowsOf(join(folderOfSets, name)));
  const keys = [...sft, ...pairs].map(({ lineage }) => lineage.prompt);
  expect(new Set(keys).size).toBe(keys.length);
  for (const { lineage } of sft) if (lineage.domain === "sums") expect(lineage.answer.correct).toBe(true);
  for (const { lineage } of pairs) {
    const { answer, rejected, domain } = lineage;
    expect(answer.source).toBe(rejected.source);
    expect(answer.score - rejected.score).toBeGreaterThanOrEqual(0.01);
    expect(answer.score - rejected.score).toBeLessThanOrEqual(0.1);
    if (domain === "sums") expect([answer.correct, rejected.correct]).toEqual([true, false]);
  }
  const store = await openStore(join(out, "store.db"));
  const responses = await collect(store.responses({ models: [...SOURCES] }));
  await store.close();
  const settings = (name: string) => responses.find(({ model }) => model === name)!.parameters;
  expect(settings("adder")).toMatchObject({ temperature: 0.8, top_p: 0.95 });
  expect(settings("taker")).toMatchObject({ temperature: 0.7, top_p: 0.8 });
});

test("the report has everything in it", { timeout: 60_000 }, () => {
  const { stages, systems, settings } = JSON.parse(
    readFileSync(join(out, "report.json"), "utf8"),
  ) as FuseReport;
  const { prompts, select, evaluate, sft, dpo } = stages;
  expect(settings).toMatchObject({ dpo: { beta: 5, lengthNormalised: true } });
  // Every prompt is somewhere.
  const validation = select.pairs.rows + select.validation.rows;
  const dropped = Object.values(select.domains).flatMap(({ drops }) => Object.values(drops));
  const total = Object.values(prompts.domains).reduce((sum, { train }) => sum + train, 0);
  expect(select.sft.rows + validation + dropped.reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(sft.examples).toBe(select.sft.rows);
  expect(dpo!.examples).toBe(select.pairs.rows);
  expect(dpo!.keptStep).toBeGreaterThan(0);
  const domainsOf = (table: unknown) => (table as { domain: string }[]).map(({ domain }) => domain);
  expect(domainsOf(evaluate.verifiable)).toEqual(["sums"]);
  expect(domainsOf(evaluate.judged)).toEqual(["sums", "chats"]);
  expect(domainsOf(evaluate.wins)).toEqual(["sums", "chats", "mean of the domains"]);
  expect(Object.keys((evaluate.verifiable[0] as { systems: object }).systems)).toEqual([
    ...[systems.start, systems.sft, systems.dpo],
    ...SOURCES,
  ]);
  expect(select.domains.sums!.coverage).toMatchObject({ prompts: 31, joint: 1 });

  const page = readFileSync(join(out, "report.html"), "utf8");
  for (const heading of [
    "Verifiable metrics",
    "Judged metrics",
    "Whose answers are learned",
    "What was left out",
    "Training",
  ])
    expect(page).toContain(heading);
  expect(page).toContain("target + SFT + DPO − adder");
  expect(page).not.toMatch(/NaN|undefined|https?:/);
});

test("a changed setting redoes what depends on it", { timeout: 600_000 }, async () => {
  const server = await sourceServer();
  // The server of the first run is gone: its address is another now.
  writeFuseWorld(folder, server.url);
  writeFileSync(config, FUSE_FILE.replace("beta: 5", "beta: 6"));
  const changed = await run();
  expect(changed.code, changed.stderr).toBe(0);
  const kept = ["prompts", "sample", "judge", "select", "sft"];
  expect(statesOf(changed.stderr)).toMatchObject(
    Object.fromEntries(kept.map((stage) => [stage, "was done before"])),
  );
  expect(statesOf(changed.stderr)).toMatchObject({ dpo: "done", evaluate: "done", report: "done" });
  // The sources are not asked again.
  expect(server.received.filter(({ path }) => path.includes("chat"))).toEqual([]);
});

test("export: the sets and the settings for TRL", { timeout: 300_000 }, async () => {
  const exported = join(folder, "exported");
  writeFileSync(config, FUSE_FILE);
  const { code, stderr, stdout } = await tutti(
    ...["fuse", "export", config, "--format", "trl", "--run", out, "--out", exported],
    ...["--devices", "1", "--per-device", "2"],
  );
  expect(code, stderr).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(2);
  const [row] = rowsOf(join(exported, "sft.jsonl"));
  expect(Object.keys(row!)).toEqual(["prompt", "completion"]);
  if (pythonLacks(["trl"]) !== undefined) return;
  const printed = runPython([join(ROOT, "tools/check-fuse-export.py"), exported, "--data"]);
  expect(JSON.parse(printed.trim().split("\n").at(-1)!)).toMatchObject({
    sft: { rows: 24, columns: ["completion", "prompt"], batch: 8, learning_rate: 0.002 },
    dpo: { rows: 14, columns: ["chosen", "prompt", "rejected"], batch: 4, beta: 5, loss: ["sigmoid_norm"] },
  });
});

test("the fused model answers behind the pool", { timeout: 120_000 }, async () => {
  const { stdout } = await run();
  const upstream = createLocalUpstream({ name: "fused", path: stdout.trim(), threads: 1, contextLength: 64 });
  const { choices } = await upstream.chat(
    { messages: [{ role: "user", content: "What is 3 plus 4?" }], parameters: { max_tokens: 4 } },
    { signal: new AbortController().signal },
  );
  await upstream.close!();
  expect(choices).toHaveLength(1);
});

test("sources of this machine, no judge, no pairs: imitation alone", { timeout: 300_000 }, async () => {
  const own = join(folder, "local");
  const file = writeFuseWorld(own, "http://127.0.0.1:9", { sums: 3, chats: 16 });
  const models = ["left", "right"].map((name, seed) => {
    writeTinyChatModel(join(own, name), 20 + seed);
    return `  - { name: ${name}, provider: local, path: ${name}, threads: 1, maxBatch: 4, contextWindowTokens: 96 }`;
  });
  writeFileSync(join(own, "pool.yaml"), `models:\n${models.join("\n")}\n`);
  const asking = (stop: string) => `pool: pool.yaml
threads: 1
sources:
  - { model: left, parameters: { temperature: 0.9, max_tokens: 24, stop: [${stop}] } }
  - { model: right, parameters: { temperature: 0.9, max_tokens: 24, stop: [${stop}] } }
target: { model: target, contextTokens: 96 }
domains:
  - { name: chats, prompts: [chats.jsonl], holdout: { share: 0.2 }, samples: 1 }
sft: { epochs: 1, batch: 4, maxTokens: 96 }
evaluation: { parameters: { max_tokens: 4 } }
`;
  // A random model does not end by itself: without a word to stop at every answer is cut off.
  writeFileSync(file, asking('"no such word"'));
  const cut = await tutti("fuse", "run", file, "--out", join(own, "out"));
  expect([cut.code, cut.stderr]).toEqual([
    1,
    expect.stringContaining("no answers to imitate: chats: 12 truncated"),
  ]);
  writeFileSync(file, asking('"a", "e", "i", "o", "t", "n"'));
  const { code, stderr, stdout } = await tutti("fuse", "run", file, "--out", join(own, "out"));
  expect(code, stderr).toBe(0);
  expect(realpathSync(stdout.trim())).toContain("/sft-");
  expect(statesOf(stderr)).not.toHaveProperty("dpo");
  const page = readFileSync(join(own, "out", "report.html"), "utf8");
  expect(page).toContain("target + SFT");
  expect(page).not.toContain("DPO");
});

test("Ctrl-C stops at a place to go on from; a server that is gone is told", {
  timeout: 300_000,
}, async () => {
  const server = await sourceServer(40);
  const own = join(folder, "own");
  const file = writeFuseWorld(own, server.url);
  const child = start("fuse", "run", file, "--out", join(own, "out"));
  child.stderr!.on("data", (chunk) => {
    if (String(chunk).includes("sample, sums")) child.kill("SIGINT");
  });
  const stopped = await finish(child);
  expect(stopped.code, stopped.stderr).toBe(130);
  expect(stopped.stderr).toContain("the same command goes on");
  const broken = join(folder, "broken");
  const gone = writeFuseWorld(broken, "http://127.0.0.1:9", { sums: 6, chats: 6 });
  const pool = join(broken, "pool.yaml");
  writeFileSync(
    pool,
    readFileSync(pool, "utf8").replaceAll("    pricing", "    maxAttempts: 1\n    pricing"),
  );
  const failed = await tutti("fuse", "run", gone, "--out", join(broken, "out"));
  expect(failed.code).toBe(3);
  expect(failed.stderr).toContain("UPSTREAM_FAILED");
});
