/** The baselines on recorded answers of five real models; skipped where no recorded answers are at hand. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { candidateScores, normaliseWithinPrompt, routingTargets } from "../labels.ts";
import { argmax, type Router } from "../router.ts";
import { promptClass, RIVAL_NAMES, trainBaselines, trainRivals } from "./index.ts";

const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SHIPPED = folderOf("../../../assets/judged/");
const FULL_PACK = folderOf("../../../../shared/data/lookahead/");

const CLASS_OF_BENCHMARK: Readonly<Record<string, string>> = {
  GSM8k: "math",
  MATH: "math",
  HumanEval: "code",
  MBPP: "code",
  SelfOSSInstructSC2: "code",
  ArenaHard: "other",
  "MT-Bench": "other",
  AlpacaEval: "other",
};

function read(folder: string): JudgedRecord[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl.gz"))
    .flatMap((name) =>
      gunzipSync(readFileSync(folder + name))
        .toString("utf8")
        .trim()
        .split("\n"),
    )
    .map((line) => JSON.parse(line));
}

const shipped = read(SHIPPED);
const pack = read(FULL_PACK);
const CANDIDATES = [
  "Yi-1.5-34B-Chat",
  "internlm2_5-20b-chat",
  "Phi-3-medium-4k-instruct",
  "Llama-3.1-8B-Instruct",
  "Qwen2.5-Coder-7B-Instruct",
];
const isComplete = ({ candidates }: JudgedRecord) => CANDIDATES.every((name) => name in (candidates ?? {}));
const records = (shipped.length > 0 ? shipped : pack).filter(isComplete);

describe.skipIf(records.length === 0)("baselines on recorded answers (needs assets/judged)", () => {
  const isTest = (index: number) => index % 5 === 0;
  // Every second training prompt is enough here and halves the time.
  const training = records.filter((_, index) => !isTest(index) && index % 2 === 0);
  const held = records.filter((_, index) => isTest(index));
  let routers: Router[];
  let embedder: TfidfLsaEmbedder;

  beforeAll(async () => {
    embedder = TfidfLsaEmbedder.fit(
      training.map(({ prompt }) => promptText(prompt)),
      { dimension: 128, maxTerms: 5000 },
    );
    routers = await trainBaselines(training, CANDIDATES, { seed: 0, embedder });
  });

  /** Mean over held-out prompts of the chosen candidate's score, normalised within the prompt. */
  async function quality(name: string): Promise<number> {
    const router = routers.find((candidate) => candidate.name === name)!;
    const rows = await router.scores(held.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) })));
    const gains = held.map(
      (record, index) => normaliseWithinPrompt(candidateScores(record, CANDIDATES))[argmax(rows[index]!)]!,
    );
    return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  }

  it("tells the three kinds of benchmark apart by strings alone, without an error", () => {
    const wrong = records.filter(
      ({ benchmark, prompt }) => promptClass(promptText(prompt)) !== CLASS_OF_BENCHMARK[benchmark],
    );
    expect(wrong.map(({ id }) => id)).toEqual([]);
    expect(new Set(records.map(({ prompt }) => promptClass(promptText(prompt)))).size).toBe(3);
  });

  it("beats random choice with every router that reads the prompt", async () => {
    const random = await quality("random");
    for (const name of ["knn", "kmeans", "ridge", "string-rule"]) {
      expect([name, (await quality(name)) > random + 0.03]).toEqual([name, true]);
    }
  });

  it("beats random choice with every rival", { timeout: 180_000 }, async () => {
    // Half of the training prompts again: enough to tell a router from chance.
    const some = training.filter((_, index) => index % 2 === 0);
    const rivals = await trainRivals(some, CANDIDATES, { seed: 0, embedder });
    expect(rivals.map(({ name }) => name)).toEqual(RIVAL_NAMES.filter((name) => name !== "avengers-pro"));
    const random = await quality("random");
    routers.push(...rivals);
    for (const { name } of rivals) {
      expect([name, (await quality(name)) > random + 0.03]).toEqual([name, true]);
    }
  });

  it("embeds a prompt in under 5 ms", async () => {
    const knn = routers.find(({ name }) => name === "knn")!;
    const fresh = held
      .slice(0, 200)
      .map(({ id, prompt }) => ({ id, prompt: `Please: ${promptText(prompt)}` }));
    const start = performance.now();
    await knn.scores(fresh);
    // Scoring contains the embedding and the search; five times the limit leaves room for a busy machine.
    expect((performance.now() - start) / fresh.length).toBeLessThan(25);
  });
});

describe.skipIf(pack.length === 0)("labels of the code training set (needs the full data pack)", () => {
  it("have the positives per prompt that the paper's rules give", () => {
    const code = pack.filter(({ benchmark }) => benchmark === "SelfOSSInstructSC2");
    const shares = CANDIDATES.map(
      (_, column) =>
        routingTargets(code, CANDIDATES).reduce((sum, { relative }) => sum + relative[column]!, 0) /
        code.length,
    );
    expect(shares.map((share) => Math.round(share * 100) / 100)).toEqual([0.34, 0.52, 0.48, 0.47, 0.57]);
  });
});
