/** Bad input at every door: a typed error that says what and where, or an OpenAI-shaped error body. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createGateway, type GatewayServer, loadPool, serveGateway } from "../../src/gateway/index.ts";
import { readJudgedRecords } from "../../src/judged/index.ts";
import { lookaheadDefaults } from "../../src/routing/defaults.ts";
import { chooseAll, evaluateRouters } from "../../src/routing/evaluation/index.ts";
import { trainLookahead } from "../../src/routing/lookahead/index.ts";
import { loadRouters, routerNamed } from "../../src/routing/router-folder.ts";
import { trainRouter } from "../../src/routing/train-router.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { readSafetensors } from "../../src/weights/index.ts";

const ASSETS = join(import.meta.dirname, "../../assets");
const folder = mkdtempSync(join(tmpdir(), "tutti-bad-input-"));
const good = join(folder, "router");
let server: GatewayServer;

const TINY = {
  ...lookaheadDefaults("mlm", false),
  responseTokens: 4,
  maxPromptTokens: 32,
  epochs: 1,
  batchSize: 8,
  validations: 1,
  threads: 1,
};

beforeAll(async () => {
  const { records, candidates } = await readJudgedRecords([join(ASSETS, "judged/mbpp.jsonl.gz")]);
  await trainRouter(
    records.slice(0, 60),
    candidates,
    { lookahead: TINY, networks: ["lookahead"], serves: "lookahead", validationShare: 0.1 },
    good,
  );
  const pool = await loadPool(join(ASSETS, "demo/pool.yaml"));
  server = await serveGateway({
    app: createGateway({ pool, router: loadRouters(good).default, maxBodyBytes: 10_000 }),
    port: 0,
  });
}, 120_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Case {
  readonly name: string;
  readonly run: () => unknown;
  readonly code: string;
  /** Each must occur in the message: file, line, field, or the numbers. */
  readonly mentions: readonly string[];
}

let files = 0;
function file(content: string | Uint8Array, name = "data.jsonl"): string {
  const path = join(folder, `${files++}`);
  mkdirSync(path);
  writeFileSync(join(path, name), content);
  return join(path, name);
}

const answer = { response: "x", score: 1 };
const row = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ id: "r1", benchmark: "B", prompt: "p", candidates: { a: answer, b: answer }, ...changes });
const second = (changes: Record<string, unknown>): string => `${row()}\n${row({ id: "r2", ...changes })}\n`;

const judged = (
  name: string,
  content: string | Uint8Array,
  code: string,
  mentions: readonly string[],
  fileName = "data.jsonl",
): Case => ({
  name: `judged records: ${name}`,
  run: () => readJudgedRecords([file(content, fileName)]),
  code,
  mentions: [fileName, ...mentions],
});

const whole = gzipSync(`${row()}\n`.repeat(1));
const JUDGED: readonly Case[] = [
  judged("truncated gzip", whole.subarray(0, whole.length - 12), "FILE_CORRUPT", ["line"], "data.jsonl.gz"),
  judged("not gzip at all", `${row()}\n`, "FILE_CORRUPT", [], "data.jsonl.gz"),
  judged(
    "broken UTF-8",
    Buffer.concat([Buffer.from(`${row()}\n{"id":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]),
    "FILE_CORRUPT",
    ["2"],
  ),
  judged("empty file", "", "DATASET_INVALID", []),
  judged("blank lines only", "\n\n", "DATASET_INVALID", []),
  judged("not JSON", `${row()}\n{oops\n`, "RECORD_INVALID", [":2"]),
  judged("NaN score", second({}).replace(/"score":1}}}\n$/, '"score":NaN}}}\n'), "RECORD_INVALID", [":2"]),
  judged("a list instead of an object", "[1]\n", "RECORD_INVALID", [":1"]),
  judged("missing id", second({ id: undefined }), "RECORD_INVALID", [":2", "id"]),
  judged("blank id", second({ id: " " }), "RECORD_INVALID", [":2", "id"]),
  judged("id of a wrong type", second({ id: 7 }), "RECORD_INVALID", [":2", "id"]),
  judged("duplicate ids", `${row()}\n${row()}\n`, "DATASET_INVALID", [":2", "r1"]),
  judged("missing benchmark", second({ benchmark: undefined }), "RECORD_INVALID", [":2", "benchmark"]),
  judged("missing prompt", second({ prompt: undefined }), "RECORD_INVALID", [":2", "prompt"]),
  judged("blank prompt", second({ prompt: "  " }), "RECORD_INVALID", [":2", "prompt"]),
  judged(
    "chat message with an unknown role",
    second({ prompt: [{ role: "robot", content: "x" }] }),
    "RECORD_INVALID",
    [":2", "role"],
  ),
  judged("chat message without content", second({ prompt: [{ role: "user" }] }), "RECORD_INVALID", [
    ":2",
    "content",
  ]),
  judged("missing score", second({ candidates: { a: { response: "x" }, b: answer } }), "RECORD_INVALID", [
    ":2",
    "score",
  ]),
  judged(
    "null score",
    second({ candidates: { a: { response: "x", score: null }, b: answer } }),
    "RECORD_INVALID",
    [":2", "score"],
  ),
  judged(
    "score as text",
    second({ candidates: { a: { response: "x", score: "1" }, b: answer } }),
    "RECORD_INVALID",
    [":2", "score"],
  ),
  judged("missing response", second({ candidates: { a: { score: 1 }, b: answer } }), "RECORD_INVALID", [
    ":2",
    "response",
  ]),
  judged("a candidate missing from a row", second({ candidates: { a: answer } }), "RECORD_INVALID", [
    ":2",
    "b",
  ]),
  judged(
    "an unknown candidate in a row",
    second({ candidates: { a: answer, b: answer, c: answer } }),
    "UNKNOWN_CANDIDATE",
    [":2", "c"],
  ),
  judged("no candidates", second({ candidates: {} }), "RECORD_INVALID", [":2", "candidates"]),
  {
    name: "judged records: missing file",
    run: () => readJudgedRecords([join(folder, "nowhere.jsonl")]),
    code: "FILE_NOT_FOUND",
    mentions: ["nowhere.jsonl"],
  },
  {
    name: "judged records: a folder",
    run: () => readJudgedRecords([ASSETS]),
    code: "FILE_NOT_FOUND",
    mentions: ["assets"],
  },
  {
    name: "judged records: duplicate ids across files",
    run: () => readJudgedRecords([file(`${row()}\n`), file(`${row()}\n`, "other.jsonl")]),
    code: "DATASET_INVALID",
    mentions: ["other.jsonl", "r1"],
  },
];

function safetensors(header: unknown, data: number, lie = 0): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length + lie));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
}
const tensor = (changes: Record<string, unknown> = {}) => ({
  dtype: "F32",
  shape: [2],
  data_offsets: [0, 8],
  ...changes,
});
const weights = (name: string, content: Uint8Array, mentions: readonly string[]): Case => ({
  name: `safetensors: ${name}`,
  run: () => readSafetensors(file(content, "model.safetensors")),
  code: "SAFETENSORS_INVALID",
  mentions: ["model.safetensors", ...mentions],
});
const SAFETENSORS: readonly Case[] = [
  weights("empty", new Uint8Array(), []),
  weights("header longer than the file", safetensors({ w: tensor() }, 8, 1_000_000), []),
  weights("header not JSON", safetensors("{oops", 8), []),
  weights("offsets outside the file", safetensors({ w: tensor({ data_offsets: [0, 80], shape: [20] }) }, 8), [
    "w",
  ]),
  weights("shape and offsets disagree", safetensors({ w: tensor({ shape: [3] }) }, 8), ["w"]),
  weights("overlapping tensors", safetensors({ v: tensor(), w: tensor({ data_offsets: [4, 12] }) }, 12), [
    "w",
  ]),
  weights("unknown dtype", safetensors({ w: tensor({ dtype: "F7" }) }, 8), ["w", "F7"]),
  weights("negative size", safetensors({ w: tensor({ shape: [-2] }) }, 8), ["w"]),
  weights("bytes after the last tensor", safetensors({ w: tensor() }, 9), []),
];

const TOKENIZERS: readonly Case[] = [
  {
    name: "tokenizer: missing",
    run: () => loadTokenizer(join(folder, "no-tokenizer.json")),
    code: "TOKENIZER_INVALID",
    mentions: ["no-tokenizer.json"],
  },
  {
    name: "tokenizer: not JSON",
    run: () => loadTokenizer(file("{", "tokenizer.json")),
    code: "TOKENIZER_INVALID",
    mentions: ["tokenizer.json"],
  },
  {
    name: "tokenizer: no model",
    run: () => loadTokenizer(file("{}", "tokenizer.json")),
    code: "TOKENIZER_INVALID",
    mentions: ["tokenizer.json", "model"],
  },
];

/** A copy of the good router with one thing broken. */
const router = (
  name: string,
  damage: (copy: string) => void,
  code: string,
  mentions: readonly string[],
  use: (copy: string) => unknown = loadRouters,
): Case => ({
  name: `router folder: ${name}`,
  run: () => {
    const copy = join(folder, `copy-${files++}`);
    cpSync(good, copy, { recursive: true });
    damage(copy);
    return use(copy);
  },
  code,
  mentions,
});
const editJson = (path: string, change: (json: Record<string, unknown>) => void): void => {
  const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(json);
  writeFileSync(path, JSON.stringify(json));
};
const ROUTERS: readonly Case[] = [
  {
    name: "router folder: missing",
    run: () => loadRouters(join(folder, "nowhere")),
    code: "ROUTER_INVALID",
    mentions: ["nowhere", "router.json"],
  },
  router("no manifest", (copy) => rmSync(join(copy, "router.json")), "ROUTER_INVALID", ["router.json"]),
  router("manifest not JSON", (copy) => writeFileSync(join(copy, "router.json"), "{"), "ROUTER_INVALID", [
    "router.json",
  ]),
  router(
    "manifest with an unknown key",
    (copy) =>
      editJson(join(copy, "router.json"), (json) => {
        json.colour = 1;
      }),
    "ROUTER_INVALID",
    ["router.json", "colour"],
  ),
  router(
    "manifest with one candidate",
    (copy) =>
      editJson(join(copy, "router.json"), (json) => {
        json.candidates = ["a"];
      }),
    "ROUTER_INVALID",
    ["candidates"],
  ),
  router(
    "candidates that disagree",
    (copy) =>
      editJson(join(copy, "router.json"), (json) => {
        json.candidates = ["a", "b"];
      }),
    "ROUTER_INVALID",
    ["lookahead", "a, b"],
  ),
  router(
    "unknown default",
    (copy) =>
      editJson(join(copy, "router.json"), (json) => {
        json.default = "lookahed";
      }),
    "ROUTER_INVALID",
    ["lookahed"],
  ),
  router("no settings", (copy) => rmSync(join(copy, "lookahead/lookahead.json")), "ROUTER_INVALID", [
    "lookahead.json",
  ]),
  router(
    "settings with a wrong field",
    (copy) =>
      editJson(join(copy, "lookahead/lookahead.json"), (json) => {
        json.responseTokens = "four";
      }),
    "ROUTER_INVALID",
    ["responseTokens"],
  ),
  router(
    "another tokenizer",
    (copy) =>
      editJson(join(copy, "lookahead/tokenizer.json"), (json) => {
        json.note = 1;
      }),
    "TOKENIZER_MISMATCH",
    ["tokenizer.json", "sha256"],
  ),
  router("no weights", (copy) => rmSync(join(copy, "lookahead/weights.safetensors")), "FILE_NOT_FOUND", [
    "weights.safetensors",
  ]),
  router(
    "truncated weights",
    (copy) => truncateSync(join(copy, "lookahead/weights.safetensors"), 5000),
    "SAFETENSORS_INVALID",
    ["weights.safetensors"],
  ),
  router(
    "weights of another size",
    (copy) =>
      editJson(join(copy, "lookahead/lookahead.json"), (json) => {
        (json.backbone as Record<string, unknown>).num_hidden_layers = 3;
      }),
    "WEIGHTS_MISMATCH",
    ["layer.2"],
  ),
  router(
    "a backbone nobody knows",
    (copy) =>
      editJson(join(copy, "lookahead/lookahead.json"), (json) => {
        (json.backbone as Record<string, unknown>).hidden_act = "swish";
      }),
    "MODEL_CONFIG_UNSUPPORTED",
    ["hidden_act", "swish"],
  ),
  router("no baselines", (copy) => rmSync(join(copy, "baselines.json")), "ROUTER_INVALID", [
    "baselines.json",
  ]),
  router(
    "unknown method",
    () => {},
    "ROUTER_INVALID",
    ["rigde"],
    (copy) => routerNamed(loadRouters(copy).routers, "rigde", copy),
  ),
  router(
    "models the data lacks",
    () => {},
    "UNKNOWN_CANDIDATE",
    ["Yi-1.5-34B-Chat", "a, b"],
    async (copy) => {
      const { records, candidates } = await readJudgedRecords([file(`${row()}\n`)]);
      return chooseAll(loadRouters(copy).default, records, candidates);
    },
  ),
];

const evaluateRow = async (changes: Record<string, unknown>) => {
  const { records, candidates } = await readJudgedRecords([file(`${row(changes)}\n`)]);
  return evaluateRouters({ records, candidates, choices: { x: new Int32Array(1) }, bootstrapSamples: 2 });
};
const OTHERS: readonly Case[] = [
  {
    name: "evaluation: ArenaHard without win_points",
    run: () => evaluateRow({ benchmark: "ArenaHard" }),
    code: "RECORD_INVALID",
    mentions: ["r1", "win_points"],
  },
  {
    name: "evaluation: AlpacaEval without reference_chars",
    run: () => evaluateRow({ benchmark: "AlpacaEval" }),
    code: "RECORD_INVALID",
    mentions: ["r1", "reference_chars"],
  },
  {
    name: "evaluation: no records",
    run: () => evaluateRouters({ records: [], candidates: ["a"], choices: {} }),
    code: "DATASET_INVALID",
    mentions: ["no records"],
  },
  {
    name: "training: a checkpoint of another run",
    run: () => retrain({ seed: 5 }),
    code: "CHECKPOINT_MISMATCH",
    mentions: ["checkpoint.safetensors"],
  },
  {
    name: "training: a truncated checkpoint",
    run: () =>
      retrain({}, (copy) => truncateSync(join(copy, "lookahead/training/checkpoint.safetensors"), 999)),
    code: "SAFETENSORS_INVALID",
    mentions: ["checkpoint.safetensors"],
  },
  {
    name: "training: sequences longer than the backbone",
    run: () => retrain({ maxPromptTokens: 600 }),
    code: "INVALID_ARGUMENT",
    mentions: ["600", "512"],
  },
];

async function retrain(changes: object, damage: (copy: string) => void = () => {}): Promise<unknown> {
  const copy = join(folder, `copy-${files++}`);
  cpSync(good, copy, { recursive: true });
  damage(copy);
  const { records, candidates } = await readJudgedRecords([join(ASSETS, "judged/mbpp.jsonl.gz")]);
  return trainLookahead(
    "lookahead",
    records.slice(0, 60),
    [],
    candidates,
    { ...TINY, ...changes },
    join(copy, "lookahead"),
  );
}

const model = (extra: string): string =>
  `models:\n  - name: a\n    pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 1 }\n${extra}`;
const pool = (name: string, content: string, code: string, mentions: readonly string[]): Case => ({
  name: `pool file: ${name}`,
  run: () => loadPool(file(content, "pool.yaml"), { environment: {} }),
  code,
  mentions: ["pool.yaml", ...mentions],
});
const POOLS: readonly Case[] = [
  pool("not YAML", "models: [", "POOL_INVALID", []),
  pool("no models", "models: []\n", "POOL_INVALID", ["models"]),
  pool("unknown provider", model("    provider: carrier-pigeon\n"), "POOL_INVALID", ["provider"]),
  pool("unknown key", model("    provider: replay\n    timeoutms: 5\n"), "POOL_INVALID", ["timeoutms"]),
  pool(
    "a key written down",
    model("    provider: openai-compatible\n    baseUrl: http://127.0.0.1:1/v1\n    apiKey: sk-secret\n"),
    "POOL_INVALID",
    ["apiKey"],
  ),
  pool(
    "a secret that is not set",
    model(
      "    provider: openai-compatible\n    baseUrl: http://127.0.0.1:1/v1\n    apiKeyEnv: NO_SUCH_KEY\n",
    ),
    "SECRET_MISSING",
    ["NO_SUCH_KEY"],
  ),
  pool("replay without files", model("    provider: replay\n"), "POOL_INVALID", ["replay"]),
];

const CASES = [...JUDGED, ...SAFETENSORS, ...TOKENIZERS, ...ROUTERS, ...OTHERS, ...POOLS];

describe("typed errors", () => {
  test.each(CASES)("$name", async ({ run, code, mentions }) => {
    const error: unknown = await Promise.resolve()
      .then(run)
      .then(
        () => undefined,
        (thrown) => thrown,
      );
    expect(TuttiError.is(error), `expected a TuttiError, received ${String(error)}`).toBe(true);
    const { code: received, message } = error as TuttiError;
    expect({ received, message }).toMatchObject({ received: code });
    for (const mention of mentions) expect(message).toContain(mention);
    expect(message).not.toContain("sk-secret");
  });
});

interface HttpCase {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly status: number;
  readonly mentions: string;
}
const chat = (body: Record<string, unknown>): string =>
  JSON.stringify({ model: "tutti/auto", messages: [{ role: "user", content: "hi" }], ...body });
const HTTP: readonly HttpCase[] = [
  { name: "malformed JSON", body: "{", status: 400, mentions: "JSON" },
  { name: "no body", body: "", status: 400, mentions: "" },
  { name: "a list", body: "[]", status: 400, mentions: "object" },
  { name: "another content type", body: chat({}), contentType: "text/plain", status: 415, mentions: "" },
  { name: "no messages", body: JSON.stringify({ model: "tutti/auto" }), status: 400, mentions: "messages" },
  { name: "empty messages", body: chat({ messages: [] }), status: 400, mentions: "messages" },
  { name: "messages of a wrong type", body: chat({ messages: "hi" }), status: 400, mentions: "messages" },
  { name: "no model", body: chat({ model: undefined }), status: 400, mentions: "model" },
  { name: "an unknown model", body: chat({ model: "tutti/aut" }), status: 404, mentions: "tutti/aut" },
  { name: "stream of a wrong type", body: chat({ stream: "yes" }), status: 400, mentions: "stream" },
  {
    name: "a body over the limit",
    body: chat({ messages: [{ role: "user", content: "x".repeat(20_000) }] }),
    status: 413,
    mentions: "",
  },
  { name: "a prompt nobody recorded", body: chat({}), status: 404, mentions: "record" },
  { name: "an unknown route", path: "/v1/nothing", body: chat({}), status: 404, mentions: "/v1/nothing" },
  { name: "a wrong method", method: "GET", status: 405, mentions: "" },
  { name: "an unknown decision", method: "GET", path: "/v1/decisions/nope", status: 404, mentions: "nope" },
];

describe("OpenAI-shaped errors over HTTP", () => {
  test.each(HTTP)(
    "$name",
    async ({
      method = "POST",
      path = "/v1/chat/completions",
      body,
      contentType = "application/json",
      status,
      mentions,
    }) => {
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { "content-type": contentType },
        ...(body !== undefined && { body }),
      });
      const json = (await response.json()) as { error: Record<string, unknown> };
      expect({ status: response.status, error: json.error }).toMatchObject({ status });
      expect(Object.keys(json.error).sort()).toEqual(["code", "message", "param", "type"]);
      expect(String(json.error.message)).toContain(mentions);
    },
  );
});

test("there are at least sixty cases", () => {
  expect(CASES.length + HTTP.length).toBeGreaterThanOrEqual(60);
});
