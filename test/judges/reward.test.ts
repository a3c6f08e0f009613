/** Reward models: local heads against transformers, remote endpoints over real HTTP, votes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadPool } from "../../src/gateway/index.ts";
import { type ChatMessage, openStore } from "../../src/judged/index.ts";
import {
  createJudge,
  createRewardJudge,
  elect,
  type JudgeResources,
  type JudgeSpec,
  judgeStore,
  localRewardModel,
  REWARD_ENDPOINTS,
  type RewardEndpoint,
  remoteRewardModel,
  SequenceScorer,
  scaledReward,
  standardisation,
} from "../../src/judges/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { jsonServer } from "../support/chat-server.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";
import { promptRow, responseRow } from "../support/store-rows.ts";

interface Recorded {
  readonly cases: readonly { readonly messages: readonly ChatMessage[]; readonly answer: string }[];
  readonly models: Readonly<
    Record<
      string,
      {
        readonly config: Readonly<Record<string, unknown>>;
        readonly tokenizer: unknown;
        readonly tokenizerConfig: Readonly<Record<string, unknown>>;
        readonly logits: readonly (readonly number[])[];
      }
    >
  >;
}

const recorded = fixtureJson<Recorded>("judges/reward-models.json");
const weights = new Fixture("judges/reward-models.safetensors");
const root = mkdtempSync(join(tmpdir(), "tutti-reward-"));
afterAll(() => rmSync(root, { recursive: true }));

function writeModel(name: string, changes: Readonly<Record<string, unknown>> = {}): string {
  const folder = join(root, `${name}${Object.keys(changes).length}`);
  mkdirSync(folder, { recursive: true });
  const { config, tokenizer, tokenizerConfig } = recorded.models[name]!;
  const files = {
    "config.json": config,
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": tokenizerConfig,
    ...changes,
  };
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(folder, file), JSON.stringify(content));
  const tensors = weights.names(`${name}.`).map((tensor) => {
    const { shape, data } = weights.float(`${name}.${tensor}`);
    return { name: tensor, dtype: "F32" as const, shape, data };
  });
  writeSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}

/** Other weights in the same file. */
function retrain(folder: string): void {
  const path = join(folder, "model.safetensors");
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}

describe("versions of judges that are local models", () => {
  const versionOf = async (spec: JudgeSpec, resources: JudgeResources = {}) => {
    const judge = await createJudge(spec, resources);
    await judge.close?.();
    return judge.version;
  };

  it("a reward model: weights, template and length are part of it, and verdicts of other weights are not reused", async () => {
    const folder = writeModel("decoder", { "extra.json": {} });
    const spec: JudgeSpec = { judge: "reward", path: folder, name: "rm", threads: 1 };
    const before = await createJudge(spec);
    expect(await versionOf(spec)).toBe(before.version);
    expect(await versionOf({ ...spec, maxTokens: 20 })).not.toBe(before.version);
    const store = await openStore("sqlite::memory:");
    const prompt = promptRow(0);
    await store.putAll({ prompts: [prompt], responses: [responseRow(prompt, { text: "four" })] });
    expect(await judgeStore({ store, judge: before, answers: {} })).toMatchObject({ total: 1, done: 1 });
    await before.close?.();
    retrain(folder);
    const after = await createJudge(spec);
    expect(after.version).not.toBe(before.version);
    expect((await judgeStore({ store, judge: after, answers: {} })).models).toMatchObject([
      { verdicts: { rewarded: 1 } },
    ]);
    await after.close?.();
    await store.close();
    const { tokenizerConfig } = recorded.models.decoder!;
    const template = "{% for m in messages %}{{ m.content }}{% endfor %}";
    const other = writeModel("decoder", {
      "tokenizer_config.json": { ...tokenizerConfig, chat_template: template },
      "a.json": {},
    });
    expect(await versionOf({ ...spec, path: other })).not.toBe(before.version);
  });

  it("a judging model of a pool: by its weights, and by revision and parameters of the pool file", async () => {
    const folder = writeModel("decoder", { "extra.json": {}, "more.json": {}, "most.json": {} });
    const file = join(root, "pool.yaml");
    const spec: JudgeSpec = { judge: "model", model: "small", rubric: "rating" };
    const version = async (...lines: string[]): Promise<string> => {
      writeFileSync(file, ["models:", "  - name: small", ...lines.map((line) => `    ${line}`)].join("\n"));
      const pool = await loadPool(file);
      const found = await versionOf(spec, { pool });
      await pool.close();
      return found;
    };
    const local = ["provider: local", `path: ${folder}`];
    const before = await version(...local);
    expect(await version(...local)).toBe(before);
    expect(await version(...local, "weightBits: 8")).not.toBe(before);
    expect(await version(...local, "parameters: { temperature: 0.5 }")).not.toBe(before);
    retrain(folder);
    expect(await version(...local)).not.toBe(before);
    const remote = ["provider: openai-compatible", "baseUrl: http://127.0.0.1:1/v1"];
    const price = "pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 1 }";
    const versions = [
      await version(...remote, price),
      await version(...remote, price, "upstreamModel: other"),
      await version(...remote, price, "revision: r2"),
    ];
    expect(new Set(versions).size).toBe(3);
  });
});

describe("local heads", () => {
  it.each(Object.keys(recorded.models))("%s: the logits of transformers, from the text on", async (name) => {
    const scorer = await SequenceScorer.load(writeModel(name), { threads: 1 });
    for (const [index, { messages, answer }] of recorded.cases.entries()) {
      const expected = recorded.models[name]!.logits[index]!;
      const logits = await scorer.logits(messages, answer);
      expectAllClose([...logits], expected, { absolute: 1e-5, relative: 0 }, `${name} ${index}`);
    }
    await scorer.dispose();
  });

  it("a judge of one label, with a version that follows revision and scale", async () => {
    const scorer = await SequenceScorer.load(writeModel("decoder"), { threads: 1 });
    const model = localRewardModel(scorer, { name: "tiny", revision: "1" });
    const { messages, answer } = recorded.cases[0]!;
    const prompt = promptRow(0, { messages });
    const judge = createRewardJudge(model);
    const [expected] = recorded.models.decoder!.logits[0]!;
    const verdict = await judge.judge(prompt, responseRow(prompt, { text: answer }));
    expect(verdict.verdict).toBe("rewarded");
    expect(verdict.score).toBeCloseTo(expected!, 4);
    const scaled = createRewardJudge(model, { scale: { mean: -1, deviation: 2 } });
    const other = await scaled.judge(prompt, responseRow(prompt, { text: answer }));
    expect(other.score).toBeCloseTo((expected! + 1) / 2, 4);
    expect(other.explanation.reward).toBeCloseTo(expected!, 4);
    expect(scaled.version).not.toBe(judge.version);
    expect(createRewardJudge({ ...model, revision: "2" }).version).not.toBe(judge.version);
    await judge.close?.();
  });

  it("of several labels, the probability of the one that is named", async () => {
    const scorer = await SequenceScorer.load(writeModel("classes"), { threads: 1 });
    expect(() => localRewardModel(scorer, { name: "c", revision: "1" })).toThrow(
      /received none, expected one of bad, fair, good/,
    );
    const { messages, answer } = recorded.cases[0]!;
    const logits = recorded.models.classes!.logits[0]!;
    const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
    const reward = await localRewardModel(scorer, { name: "c", revision: "1", label: "good" }).reward(
      { messages, answer },
      new AbortController().signal,
    );
    expect(reward).toBeCloseTo(Math.exp(logits[2]!) / total, 5);
    await scorer.dispose();
  });

  it("long texts lose their beginning, the question before the answer", async () => {
    const scorer = await SequenceScorer.load(writeModel("encoder"), { threads: 1, maxTokens: 20 });
    const score = async (question: string, answer: string) =>
      (await scorer.logits([{ role: "user", content: question }], answer))[0]!;
    // Three special tokens, 10 of the answer, 7 of the question.
    expect(await score(`${"x ".repeat(500)}a b c d e f g`, "rest ".repeat(10))).toBeCloseTo(
      await score("a b c d e f g", "rest ".repeat(10)),
      6,
    );
    expect(await score("the hall", `${"x ".repeat(500)}${"rest ".repeat(17)}`)).toBeCloseTo(
      await score("", "rest ".repeat(17)),
      6,
    );
    await scorer.dispose();
    const decoder = await SequenceScorer.load(writeModel("decoder"), { threads: 1 });
    expect(
      Number.isFinite((await decoder.logits([{ role: "user", content: "x".repeat(5000) }], "y"))[0]),
    ).toBe(true);
    await decoder.dispose();
  });

  it("a decoder without a chat template, and a model without a head, say what they lack", async () => {
    const { chat_template: _template, ...config } = recorded.models.decoder!.tokenizerConfig;
    const bare = await SequenceScorer.load(writeModel("decoder", { "tokenizer_config.json": config }), {
      threads: 1,
    });
    await expect(bare.logits([{ role: "user", content: "a" }], "b")).rejects.toMatchObject({
      code: "MODEL_CONFIG_UNSUPPORTED",
    });
    await bare.dispose();
    const folder = writeModel("encoder", {
      "config.json": { ...recorded.models.encoder!.config, id2label: { 0: "a", 1: "b" } },
    });
    await expect(SequenceScorer.load(folder)).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
  });
});

describe("remote endpoints", () => {
  const signal = new AbortController().signal;
  const input = { messages: [{ role: "user" as const, content: "q" }], answer: "a" };

  /** What each server answers, and what it must have been asked. */
  const WIRE: Record<RewardEndpoint, { label?: string; answer: unknown; asked: unknown; path: string }> = {
    "vllm-classify": {
      path: "/classify",
      label: "good",
      answer: { object: "list", data: [{ index: 0, label: "bad", probs: [0.75, 0.25], num_classes: 2 }] },
      asked: { model: "m", input: ["q\n\na"] },
    },
    "vllm-score": {
      path: "/score",
      answer: { object: "list", data: [{ index: 0, object: "score", score: 0.25 }], usage: {} },
      asked: { model: "m", text_1: "q", text_2: "a" },
    },
    "vllm-pooling": {
      path: "/pooling",
      answer: { object: "list", data: [{ index: 0, object: "pooling", data: [[-1], [0.25]] }] },
      asked: {
        model: "m",
        messages: [
          { role: "user", content: "q" },
          { role: "assistant", content: "a" },
        ],
      },
    },
    "tei-predict": {
      path: "/predict",
      label: "good",
      answer: [
        [
          { score: 0.9, label: "bad" },
          { score: 0.25, label: "good" },
        ],
      ],
      asked: { inputs: [["q", "a"]], raw_scores: true },
    },
    "tei-rerank": {
      path: "/rerank",
      answer: [{ index: 0, score: 0.25 }],
      asked: { query: "q", texts: ["a"], raw_scores: true },
    },
    "infinity-classify": {
      path: "/classify",
      label: "good",
      answer: {
        object: "classify",
        data: [
          [
            { score: 0.25, label: "good" },
            { score: 0.1, label: "bad" },
          ],
        ],
      },
      asked: { model: "m", input: ["q\n\na"], raw_scores: true },
    },
    "infinity-rerank": {
      path: "/rerank",
      answer: { object: "rerank", results: [{ relevance_score: 0.25, index: 0 }] },
      asked: { model: "m", query: "q", documents: ["a"], raw_scores: true },
    },
  };

  it.each(REWARD_ENDPOINTS)("%s", async (endpoint) => {
    const { label, answer, asked, path } = WIRE[endpoint];
    const server = await jsonServer(() => answer);
    const options = { name: "r", endpoint, baseUrl: `${server.url}/`, model: "m", ...(label && { label }) };
    const model = remoteRewardModel(options);
    expect(await model.reward(input, signal)).toBe(0.25);
    expect(server.received).toEqual([{ path, body: asked }]);
    expect(model.revision).not.toBe(remoteRewardModel({ ...options, revision: "2" }).revision);
  });

  it("a single class, classes by number", async () => {
    const answers = [
      { data: [{ label: "LABEL_0", probs: [0.6] }] },
      { data: [{ label: "x", probs: [0.1, 0.2, 0.7] }] },
    ];
    const server = await jsonServer(() => answers.shift());
    const options = { name: "r", endpoint: "vllm-classify", baseUrl: server.url } as const;
    expect(await remoteRewardModel(options).reward(input, signal)).toBe(0.6);
    expect(await remoteRewardModel({ ...options, label: "LABEL_2" }).reward(input, signal)).toBe(0.7);
  });

  it("other shapes, refusals, silence and dead servers are typed errors without the key", async () => {
    const ask = (baseUrl: string, timeoutMs = 5000) =>
      remoteRewardModel({
        name: "r",
        endpoint: "tei-predict",
        baseUrl,
        apiKey: "sk-secret",
        timeoutMs,
      }).reward(input, signal);
    const odd = await jsonServer(() => ({ hello: 1 }));
    await expect(ask(odd.url)).rejects.toThrow(/holds no score: \{"hello":1\}/);
    const refusing = await jsonServer((_path, _body, response) => {
      response.statusCode = 401;
      return { error: "no such key sk-secret" };
    });
    const refused = await ask(refusing.url).catch((error) => error);
    expect(refused).toMatchObject({ code: "UPSTREAM_FAILED" });
    expect(refused.message).toContain("HTTP 401");
    expect(refused.message).not.toContain("sk-secret");
    const silent = await jsonServer(() => new Promise(() => {}));
    await expect(ask(silent.url, 100)).rejects.toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    await expect(ask("http://127.0.0.1:9")).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
  });
});

describe("scales", () => {
  it("sigmoid and standardisation", () => {
    expect(scaledReward(0, "sigmoid")).toBe(0.5);
    expect(scaledReward(-800, "sigmoid")).toBe(0);
    const scale = standardisation([1, 2, 3, 6]);
    expect(scale.mean).toBe(3);
    expect(scale.deviation).toBeCloseTo(Math.sqrt(14 / 3), 12);
    expect([1, 2, 3, 6].reduce((sum, reward) => sum + scaledReward(reward, scale), 0)).toBeCloseTo(0, 12);
    expect(() => scaledReward(1, standardisation([2, 2]))).toThrow(/deviation: received 0/);
  });
});

describe("votes", () => {
  it("Borda and majority may disagree, and every vote is there", () => {
    const voters = [
      { name: "x", rewards: [3, 2, 1, 0] },
      { name: "y", rewards: [30, 20, 10, 0] },
      { name: "z", rewards: [-4, -1, -2, -3] },
    ];
    const borda = elect(voters, "borda");
    expect(borda.points).toEqual([6, 7, 4, 1]);
    expect(borda).toMatchObject({ winner: 1, isTie: false });
    const majority = elect(voters, "majority");
    expect(majority.points).toEqual([2, 1, 0, 0]);
    expect(majority.winner).toBe(0);
    expect(majority.votes[2]).toEqual({ voter: "z", rewards: [-4, -1, -2, -3], points: [0, 1, 0, 0] });
  });

  it("ties go to the higher mean of standardised rewards, then to the first", () => {
    const tie = elect(
      [
        { name: "x", rewards: [1, 0, 0] },
        { name: "y", rewards: [0, 5, 4.9] },
      ],
      "majority",
    );
    // Standardised, y's second answer is a little further up than x's first one is beside it.
    expect(tie).toMatchObject({ isTie: true, winner: 1 });
    expect(tie.standardised[1]).toBeGreaterThan(tie.standardised[0]!);
    const same = elect([{ name: "x", rewards: [2, 2] }], "borda");
    expect(same).toMatchObject({ isTie: true, winner: 0, points: [0.5, 0.5], standardised: [0, 0] });
    expect(() => elect([], "borda")).toThrow(/no voters/);
    expect(() => elect([{ name: "x", rewards: [Number.NaN] }], "borda")).toThrow(
      /of x, expected one finite reward/,
    );
  });

  it("neither the scale of a voter nor the order of voters matters", () => {
    const random = new RandomStream({ seed: 3, stream: 1 });
    for (let round = 0; round < 50; round++) {
      const voters = ["x", "y", "z"].map((name) => ({
        name,
        rewards: Array.from({ length: 5 }, () => random.nextNormal()),
      }));
      for (const rule of ["borda", "majority"] as const) {
        const { winner } = elect(voters, rule);
        const rescaled = voters.map(({ name, rewards }, index) => ({
          name,
          rewards: rewards.map((r) => r * (index + 2) - 7 * index),
        }));
        expect(elect(rescaled.reverse(), rule).winner).toBe(winner);
      }
    }
  });
});
