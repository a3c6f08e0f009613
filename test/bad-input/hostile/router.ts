/** Router folders, their models and embedders: manifests, settings, bundles, encoders. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bertSpecs, parseBertConfig } from "../../../src/models/index.ts";
import { initialiseParameters } from "../../../src/nn/index.ts";
import { FixedRouter, RandomRouter } from "../../../src/routing/baselines/constant-routers.ts";
import { saveBaselines } from "../../../src/routing/baselines/index.ts";
import { EncoderEmbedder } from "../../../src/routing/embedding/index.ts";
import { loadLookahead } from "../../../src/routing/lookahead/index.ts";
import { loadRouters, saveManifest } from "../../../src/routing/router-folder.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { saveParameters } from "../../../src/train/checkpoint.ts";
import { type Json, json, writeJson } from "./base.ts";
import { nested } from "./bytes.ts";
import type { HostileCase, Place } from "./case.ts";
import { NO_FILES, standIn, withoutPermission } from "./places.ts";

const INVALID: readonly ErrorCode[] = ["ROUTER_INVALID"];
const CANDIDATES = ["a", "b"];
const TOKENIZER = join(import.meta.dirname, "../../../assets/tokenizer/tokenizer.json");

/** A router of baselines alone. */
function writeRouter({ folder }: Place): string {
  const router = join(folder, "router");
  saveManifest(router, {
    format: "tutti-router-1",
    candidates: CANDIDATES,
    default: "random",
    models: [],
    hasEmbedder: false,
    training: {},
  });
  saveBaselines(router, [new RandomRouter(CANDIDATES, 1), new FixedRouter(CANDIDATES, "a")]);
  return router;
}

const harmed = (
  name: string,
  harm: (router: string) => void,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase => ({
  name,
  run: (place) => {
    const router = writeRouter(place);
    harm(router);
    loadRouters(router);
  },
  codes,
  mentions,
});

const change = (router: string, file: string, changes: Json): string => {
  const path = join(router, file);
  return writeJson(path, { ...json(path), ...changes });
};

const manifest = (key: string, value: unknown): HostileCase =>
  harmed(
    `router.json: ${key} ${shown(value, 60)}`,
    (router) => change(router, "router.json", { [key]: value }),
    INVALID,
    "router.json",
    key,
  );

const MANIFESTS: readonly HostileCase[] = [
  ...["tutti-router-2", null, 5].map((value) => manifest("format", value)),
  ...[[], ["a"], "a", [1, 2], ["", ""]].map((value) => manifest("candidates", value)),
  ...["", null, 5].map((value) => manifest("default", value)),
  ...["../../etc", "/etc", "..", ".", "a/b", "a\\b", "a\0b", "", 5].map((value) =>
    manifest("models", [value]),
  ),
  manifest("models", "lookahead"),
  manifest("hasEmbedder", "yes"),
  manifest("evil", 1),
  harmed(
    "router.json: a method that is not there",
    (router) => change(router, "router.json", { default: "evil" }),
    INVALID,
    "evil",
  ),
  harmed(
    "router.json: a model that is not there",
    (router) => change(router, "router.json", { models: ["lookahead"] }),
    INVALID,
    "lookahead.json",
  ),
];

const bundle = (key: string, value: unknown): HostileCase =>
  harmed(
    `baselines.json: ${key} ${shown(value, 60)}`,
    (router) => change(router, "baselines.json", { [key]: value }),
    INVALID,
    "baselines",
  );

const BUNDLES: readonly HostileCase[] = [
  bundle("format", "evil"),
  bundle("version", 2),
  bundle("header", null),
  bundle("header", { candidates: [], routers: [] }),
  bundle("header", { candidates: CANDIDATES, routers: [{ kind: "constructor" }] }),
  bundle("header", { candidates: CANDIDATES, routers: [{ kind: "fixed", candidate: "evil" }] }),
  bundle("header", { candidates: CANDIDATES, routers: [{ kind: "knn", neighbours: 1, examples: [] }] }),
  bundle("arrays", [{ name: "a", dtype: "float32", offset: 0, length: 1e12 }]),
  bundle("arrays", [{ name: "a", dtype: "float32", offset: 2 ** 53, length: 1 }]),
  bundle("arrays", [{ name: "a", dtype: "float64", offset: -8, length: 1 }]),
  bundle("arrays", [{ name: "a", dtype: "int8", offset: 0, length: 1 }]),
  ...["../router.json", "/etc/passwd", "..\\x.0123456789abcdef.bin", "", 5].map((file) =>
    bundle("data", { file, sha256: "0".repeat(64) }),
  ),
  harmed(
    "baselines: another content of the binary",
    (router) => {
      const file = readdirSync(router).find((name) => name.endsWith(".bin"))!;
      writeFileSync(join(router, file), "evil");
    },
    INVALID,
    "SHA-256",
  ),
];

const contents = (file: string): readonly HostileCase[] => [
  ...(["null", "[]", "5", "{", '"text"'] as const).map((content) =>
    harmed(`${file} is ${content}`, (router) => writeFileSync(join(router, file), content), INVALID, file),
  ),
  harmed(
    `${file}: 100,000 lists in one another`,
    (router) => writeFileSync(join(router, file), nested(100_000)),
    INVALID,
    file,
  ),
  ...Object.keys(NO_FILES).map((kind) =>
    harmed(`instead of ${file}: ${kind}`, (router) => standIn(kind, router, file), INVALID, file),
  ),
  harmed(
    `${file} may not be read`,
    (router) => withoutPermission(join(router, file), () => loadRouters(router)),
    INVALID,
    file,
  ),
];

const LOOKAHEAD = {
  format: "tutti-lookahead-1",
  variant: "mlm",
  candidates: CANDIDATES,
  candidateTokenIds: [4, 5],
  backbone: {
    model_type: "bert",
    vocab_size: 8,
    hidden_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    intermediate_size: 4,
    max_position_embeddings: 8,
  },
  responseTokens: 1,
  maxPromptTokens: 4,
  pooling: "cls",
  headDropout: 0,
  responseWeight: 0.5,
  labels: "relative",
  tokenizerSha256: "0",
  tokens: { cls: 1, sep: 2, pad: 0 },
};

const settings = (key: string, value: unknown): HostileCase => ({
  name: `lookahead.json: ${key} ${shown(value, 60)}`,
  run: ({ folder }) => {
    writeJson(join(folder, "lookahead.json"), { ...LOOKAHEAD, [key]: value });
    copyFileSync(TOKENIZER, join(folder, "tokenizer.json"));
    loadLookahead(folder, "lookahead");
  },
  codes: key === "tokenizerSha256" ? ["TOKENIZER_MISMATCH"] : INVALID,
  mentions: key === "tokenizerSha256" ? ["tokenizer.json"] : ["lookahead.json", key],
});

const SETTINGS: readonly HostileCase[] = [
  ...["evil", "constructor", 5].map((value) => settings("variant", value)),
  ...[0, -1, 1.5, 1e12, "4"].map((value) => settings("responseTokens", value)),
  ...[0, 1e12, 2 ** 53].map((value) => settings("maxPromptTokens", value)),
  ...[[], [4], [4, 5, 6], [-1, 5], ["4", "5"]].map((value) => settings("candidateTokenIds", value)),
  settings("headDropout", 1),
  settings("backbone", []),
  settings("tokens", {}),
  settings("tokenizerSha256", "1".repeat(64)),
];

const ENCODER = { ...LOOKAHEAD.backbone, vocab_size: 8192 };

/** A tiny encoder after `harm` was done to its folder. */
const encoder = (
  name: string,
  harm: (folder: string) => void,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase => ({
  name: `encoder: ${name}`,
  run: async ({ folder }) => {
    mkdirSync(folder, { recursive: true });
    writeJson(join(folder, "config.json"), ENCODER);
    copyFileSync(TOKENIZER, join(folder, "tokenizer.json"));
    const parameters = initialiseParameters(bertSpecs(parseBertConfig(ENCODER)), 1);
    saveParameters(join(folder, "model.safetensors"), parameters, {});
    harm(folder);
    const embedder = new EncoderEmbedder(folder);
    const [vector] = await embedder.embed(["Hello, world"]);
    if (!vector?.every(Number.isFinite)) throw new Error("an embedding of no numbers");
  },
  codes,
  mentions,
});

const LIMITS = "sentence_bert_config.json";
const UNSUPPORTED: readonly ErrorCode[] = ["MODEL_CONFIG_UNSUPPORTED"];

const ENCODERS: readonly HostileCase[] = [
  ...["null", "[]", "{", nested(100_000)].map((content) =>
    encoder(
      `config.json is ${content.slice(0, 20)}`,
      (folder) => writeFileSync(join(folder, "config.json"), content),
      UNSUPPORTED,
      "config.json",
    ),
  ),
  encoder(
    "more layers than there are weights for",
    (folder) => writeJson(join(folder, "config.json"), { ...ENCODER, num_hidden_layers: 2 }),
    ["WEIGHTS_MISMATCH"],
    "encoder.layer.1",
  ),
  encoder(
    "another width than the weights have",
    (folder) => writeJson(join(folder, "config.json"), { ...ENCODER, hidden_size: 2 ** 30 }),
    ["WEIGHTS_MISMATCH"],
    "model.safetensors",
  ),
  encoder(
    "more tokens than rows",
    (folder) => writeJson(join(folder, "config.json"), { ...ENCODER, vocab_size: 16 }),
    ["TOKENIZER_MISMATCH"],
    "tokenizer.json",
  ),
  ...[0, -1, 1.5, "256", {}, 2].map((limit) =>
    encoder(
      `max_seq_length ${JSON.stringify(limit)}`,
      (folder) => writeJson(join(folder, LIMITS), { max_seq_length: limit }),
      UNSUPPORTED,
      LIMITS,
      "max_seq_length",
    ),
  ),
  ...["a folder", "a pipe without a writer", "an endless device", "a terabyte of holes"].flatMap((kind) =>
    ["config.json", LIMITS].map((file) =>
      encoder(`instead of ${file}: ${kind}`, (folder) => standIn(kind, folder, file), UNSUPPORTED, file),
    ),
  ),
];

export const CASES: readonly HostileCase[] = [
  ...MANIFESTS,
  ...BUNDLES,
  ...contents("router.json"),
  ...contents("baselines.json"),
  ...SETTINGS,
  ...ENCODERS,
];
