/** `tutti leaderboard` and `tutti data sft|pairs` as a person runs them, on files and on a store. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/judged/index.ts";
import { ROOT, tutti } from "../support/command.ts";
import { collect, judgementRow, promptRow, responseRow } from "../support/store-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-data-cli-"));
const at = (name: string): string => join(folder, name);
const asset = (name: string): string => join(ROOT, `assets/judged/${name}.jsonl.gz`);
const store = at("store.db");

beforeAll(async () => {
  const opened = await openStore(store);
  const prompts = Array.from({ length: 20 }, (_, number) =>
    promptRow(number, { domain: number % 2 ? "odd" : "even" }),
  );
  const responses = prompts.flatMap((prompt) =>
    ["small", "large"].flatMap((model) =>
      [0, 1].map((seedIndex) => responseRow(prompt, { model, seedIndex, text: `${model} ${seedIndex}` })),
    ),
  );
  await opened.putPrompts(prompts);
  await opened.putResponses(responses);
  await opened.putJudgements(
    responses.map((row) =>
      judgementRow(row, { judge: "armo", score: (row.model === "large" ? 1 : 0) + row.seedIndex / 20 }),
    ),
  );
  await opened.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("leaderboard of recorded Arena-Hard verdicts, with page and JSON", async () => {
  const { code, stdout, stderr } = await tutti(
    ...["leaderboard", "--data", asset("arenahard"), "--by", "verdicts", "--baseline", "gpt-4-0314"],
    ...["--samples", "20", "--json", at("board.json"), "--html", at("board.html")],
  );
  expect(stderr).toContain("357 judged prompts");
  expect(code).toBe(0);
  expect(stdout).toMatch(/Yi-1\.5-34B-Chat +2 .* 45\.1 \[/);
  expect(JSON.parse(readFileSync(at("board.json"), "utf8")).baseline).toBe("gpt-4-0314");
  expect(readFileSync(at("board.html"), "utf8")).toContain("<svg");
});

test("leaderboard of a store, and mistakes", async () => {
  const board = await tutti("leaderboard", "--store", store, "--judge", "armo", "--samples", "5");
  expect(board.code).toBe(0);
  expect(board.stdout).toMatch(/even: 10 prompts\n.*\nlarge +1 /);
  const neither = await tutti("leaderboard");
  expect(neither.code).toBe(2);
  expect(neither.stderr).toContain("received neither of --data and --store");
  const field = await tutti("leaderboard", "--data", asset("mtbench"), "--domain-field", "turn_scores");
  expect(field.code).toBe(1);
  expect(field.stderr).toContain("--domain-field");
});

test("sft and pairs split the prompts between them, and the store knows why", async () => {
  const share = ["--store", store, "--scorer", "armo", "--prompt-share", "0.4"];
  const sft = await tutti("data", "sft", ...share, "--out", at("sft.jsonl.gz"), "--html", at("sft.html"));
  expect(sft.code).toBe(0);
  const pairs = await tutti(
    ...["data", "pairs", ...share, "--rest", "--least-gap", "0.01", "--most-gap", "0.1"],
    ...["--out", at("pairs.jsonl"), "--format", "sharegpt", "--dataset-info", at("dataset_info.json")],
  );
  expect(pairs.code).toBe(0);
  const lines = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const chosen = lines(gunzipSync(readFileSync(at("sft.jsonl.gz"))).toString("utf8"));
  const paired = lines(readFileSync(at("pairs.jsonl"), "utf8"));
  const ids = [...chosen, ...paired].map(({ lineage }) => lineage.id);
  expect(new Set(ids).size).toBe(20);
  expect(ids).toHaveLength(20);
  expect(chosen.length).toBeGreaterThan(0);
  expect(paired.every(({ lineage }) => lineage.answer.source === lineage.rejected.source)).toBe(true);
  expect(JSON.parse(readFileSync(at("dataset_info.json"), "utf8")).pairs.ranking).toBe(true);
  const opened = await openStore(store);
  const kept = (await collect(opened.selections("same-source"))).filter(({ isKept }) => isKept);
  await opened.close();
  expect(kept).toHaveLength(paired.length);
});

test("an empty selection writes nothing and says why", async () => {
  const empty = await tutti(
    ...[
      "data",
      "pairs",
      "--data",
      asset("mbpp"),
      "--least-gap",
      "5",
      "--select",
      "cross-source",
      "--out",
      at("no.jsonl"),
    ],
  );
  expect(empty.code).toBe(1);
  expect(empty.stdout).toContain("gap_too_small");
  expect(empty.stderr).toContain("no training set was written");
  expect(() => readFileSync(at("no.jsonl"))).toThrow();
});
