/** Small routers with random weights over the shipped tokenizer: their scores mean nothing, but they have all parts. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RandomRouter } from "../../src/routing/baselines/constant-routers.ts";
import { saveBaselines } from "../../src/routing/baselines/index.ts";
import { RidgeRouter } from "../../src/routing/baselines/ridge-router.ts";
import { EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { type LatentRouter, trainLatent } from "../../src/routing/latent/index.ts";
import { smallBackboneConfig, startParameters } from "../../src/routing/lookahead/backbone.ts";
import { LookaheadRouter, saveLookahead } from "../../src/routing/lookahead/lookahead-router.ts";
import {
  type LookaheadSettings,
  settingsSchema,
  type Variant,
} from "../../src/routing/lookahead/settings.ts";
import { saveManifest } from "../../src/routing/router-folder.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { RandomStream } from "../../src/tensor/index.ts";
import { defaultTokenizerPath, loadTokenizer } from "../../src/text/index.ts";

export const CANDIDATES = ["small-model", "middle-model", "large-model"];

/** Empty, short, longer than any limit, other scripts, special tokens spelled out. */
export const PROMPTS = [
  "",
  "Hello",
  "Write a Python function that reverses a linked list.",
  "Příliš žluťoučký kůň; 東京の天気は晴れです 🎻",
  "A train leaves at 9:00 with 60 km/h. ".repeat(20),
  "What is [MASK] in [CLS] and [SEP]?",
];

/** A model as training would start it, its random weights widened so that scores differ well. */
function tinyParts(variant: Variant, changes: Partial<LookaheadSettings>) {
  const tokenizer = loadTokenizer(defaultTokenizerPath);
  const { cls, sep, pad } = tokenizer.specialTokens;
  const settings: LookaheadSettings = settingsSchema.parse({
    format: "tutti-lookahead-1",
    variant,
    candidates: CANDIDATES,
    candidateTokenIds:
      variant === "mlc" ? [] : CANDIDATES.map((_, index) => tokenizer.tokenId(`[unused${index}]`)!),
    backbone: smallBackboneConfig(variant, tokenizer.vocabularySize),
    responseTokens: 8,
    maxPromptTokens: 64,
    pooling: "cls",
    headDropout: 0,
    responseWeight: 0.5,
    labels: "relative",
    tokenizerSha256: tokenizer.sha256,
    tokens: { cls: cls!, sep: sep!, pad: pad! },
    ...changes,
  });
  const parameters = startParameters(settings, 3);
  for (const tensor of Object.values(parameters))
    for (const [i, x] of tensor.data.entries()) tensor.data[i] = 4 * x;
  return { settings, parameters, tokenizer };
}

export function tinyLookahead(variant: Variant, changes: Partial<LookaheadSettings> = {}): LookaheadRouter {
  const { settings, parameters, tokenizer } = tinyParts(variant, changes);
  return new LookaheadRouter(variant, settings, parameters, tokenizer, createOrtBackend({ threads: 1 }));
}

/** A folder as `tutti router train` leaves it, with an mlm model and the random router. */
export function writeTinyRouterFolder(folder: string): void {
  const { settings, parameters, tokenizer } = tinyParts("mlm", {});
  saveLookahead(join(folder, "lookahead"), settings, parameters, readFileSync(tokenizer.path));
  saveBaselines(folder, [new RandomRouter(CANDIDATES, 0)]);
  saveManifest(folder, {
    format: "tutti-router-1",
    candidates: CANDIDATES,
    default: "lookahead",
    models: ["lookahead"],
    hasEmbedder: false,
    training: {},
  });
}

/** A latent router trained on random scores over the encoder in `folder`: two benchmarks, answers of several forms. */
export async function tinyLatent(folder: string): Promise<LatentRouter> {
  const embedder = new EncoderEmbedder(folder, createOrtBackend({ threads: 1 }));
  const random = new RandomStream({ seed: 12, stream: 0 });
  const records = Array.from({ length: 30 }, (_, index) => ({
    id: String(index),
    benchmark: index % 3 === 0 ? "sums" : "essays",
    prompt: `${index % 3 === 0 ? "Add" : "Write about"} ${index} ${"and more ".repeat(index % 5)}`,
    candidates: Object.fromEntries(
      CANDIDATES.map((name) => [name, { response: "word ".repeat(1 + index), score: random.nextUniform() }]),
    ),
  }));
  return trainLatent("latent", records, CANDIDATES, embedder);
}

/** A linear head with random weights over the encoder in `folder`. */
export function tinyRidge(folder: string): RidgeRouter {
  const embedder = new EncoderEmbedder(folder, createOrtBackend({ threads: 1 }));
  const random = new RandomStream({ seed: 11, stream: 0 });
  const normals = (length: number) => Float64Array.from({ length }, () => random.nextNormal());
  return new RidgeRouter(CANDIDATES, embedder, {
    lambda: 1,
    weights: normals(CANDIDATES.length * embedder.dimension),
    intercepts: normals(CANDIDATES.length),
  });
}
