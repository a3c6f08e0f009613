/** What the subjects of `router-latency` decide: the network, the prompts, and the numbers that prove they are the same. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ops from "../src/graph/functions.ts";
import { promptText, readJudgedRecords } from "../src/judged/index.ts";
import { linear, matrix, type ParameterSpecs, vector } from "../src/nn/index.ts";
import { EncoderEmbedder } from "../src/routing/embedding/index.ts";
import {
  ExportedRouter,
  embeddingHeadsGraph,
  exportRouter,
  type GraphRouter,
  ROUTER_PRECISIONS,
  type RouterPrecision,
} from "../src/routing/export/index.ts";
import { RandomStream } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";

const ROOT = join(import.meta.dirname, "..");
const MODEL_FOLDER = process.env.TUTTI_BENCH_ENCODER ?? join(ROOT, ".cache/models/all-MiniLM-L6-v2");
/** Everything that subjects read. */
export const WORK_FOLDER: string = join(ROOT, ".cache/bench/router-latency");
/** For subjects in other languages too. */
export const WORK_FILE: string = join(WORK_FOLDER, "work.json");
/** The encoder with room for the longest prompts; sentence-transformers' own limit is 256. */
export const ENCODER_FOLDER: string = join(WORK_FOLDER, "encoder");

export const PROMPT_TOKENS = [32, 128, 512] as const;
export const CANDIDATES = [2, 5, 20, 100] as const;
const PROMPTS_PER_LENGTH = 16;

export interface RouterWork {
  /** Length in tokens -> prompts of exactly that length, special tokens included. */
  readonly prompts: Readonly<Record<string, readonly string[]>>;
  /** Candidates -> scores of the first prompt of each length, by the router's float32 network. */
  readonly expected: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export const exportFolder = (candidates: number, precision: RouterPrecision): string =>
  join(WORK_FOLDER, `router-${candidates}-${precision}`);

const HEADS = ["quality", "score", "length"] as const;

/**
 * Three linear heads over the embedding: a success probability, a score and an expected log-length per candidate. The values
 * are random: they say nothing, and cost what trained ones cost.
 */
function headsRouter(embedder: EncoderEmbedder, candidates: number): GraphRouter {
  const specs: Record<string, ParameterSpecs[string]> = {};
  const values = new Map<string, Float32Array>();
  const random = new RandomStream({ seed: candidates, stream: 0 });
  for (const head of HEADS) {
    specs[`${head}.weight`] = matrix(candidates, embedder.dimension, 0);
    specs[`${head}.bias`] = vector(candidates, 0);
    for (const part of ["weight", "bias"]) {
      const size = part === "bias" ? candidates : candidates * embedder.dimension;
      values.set(
        `${head}.${part}`,
        Float32Array.from({ length: size }, () => random.nextNormal()),
      );
    }
  }
  const names = Array.from({ length: candidates }, (_, index) => `model-${index}`);
  return {
    name: "heads",
    candidates: names,
    scores: async () => [],
    routerGraph: () =>
      embeddingHeadsGraph(embedder, {
        kind: "heads",
        candidates: names,
        specs,
        values: (name) => values.get(name)!,
        outputs: {
          scores: { meaning: "a score" },
          quality: { meaning: "a success probability" },
          log_length: { meaning: "an expected log-length" },
        },
        build: (parameters, embedding) => {
          const head = (name: (typeof HEADS)[number]) =>
            linear(embedding, parameters(`${name}.weight`), parameters(`${name}.bias`));
          return { scores: head("score"), quality: ops.sigmoid(head("quality")), log_length: head("length") };
        },
      }),
  };
}

/** Prompts of the shipped data's words, each of exactly `tokens` tokens. */
function promptsOf(words: readonly string[], tokens: number): string[] {
  const tokenizer = loadTokenizer(join(ENCODER_FOLDER, "tokenizer.json"));
  const lengthOf = (text: string): number => tokenizer.encode(text).ids.length;
  return Array.from({ length: PROMPTS_PER_LENGTH }, (_, index) => {
    const start = (index * 997) % words.length;
    const chosen: string[] = [];
    let length = 2;
    for (let at = start; length < tokens; at++) {
      const word = words[at % words.length]!;
      const own = lengthOf(word) - 2;
      if (length + own > tokens) continue;
      chosen.push(word);
      length += own;
    }
    const prompt = chosen.join(" ");
    if (lengthOf(prompt) !== tokens)
      throw new Error(`a prompt has ${lengthOf(prompt)} tokens, not ${tokens}`);
    return prompt;
  });
}

function copyEncoder(): void {
  rmSync(WORK_FOLDER, { recursive: true, force: true });
  mkdirSync(ENCODER_FOLDER, { recursive: true });
  if (!existsSync(join(MODEL_FOLDER, "config.json"))) {
    throw new Error(`${MODEL_FOLDER} is missing: npx tsx tools/fetch-models.ts minilm`);
  }
  cpSync(MODEL_FOLDER, ENCODER_FOLDER, { recursive: true });
  const file = join(ENCODER_FOLDER, "sentence_bert_config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...config, max_seq_length: Math.max(...PROMPT_TOKENS) }));
}

/** Writes encoder, exports, prompts and expected scores; what is there already stays. */
export async function writeRouterWork(): Promise<void> {
  if (existsSync(WORK_FILE)) return;
  copyEncoder();
  const { records } = await readJudgedRecords([join(ROOT, "assets/judged/mtbench.jsonl.gz")]);
  // Plain words, whose tokens do not depend on their neighbours.
  const words = records.flatMap(({ prompt }) => promptText(prompt).match(/\b[a-z]{2,12}\b/g) ?? []);
  const prompts = Object.fromEntries(PROMPT_TOKENS.map((tokens) => [tokens, promptsOf(words, tokens)]));
  const embedder = new EncoderEmbedder(ENCODER_FOLDER);
  const expected: Record<string, number[][]> = {};
  for (const candidates of CANDIDATES) {
    const router = headsRouter(embedder, candidates);
    for (const precision of ROUTER_PRECISIONS)
      exportRouter(router, exportFolder(candidates, precision), { precision });
    const graph = router.routerGraph();
    for (const name of Object.keys(graph.specs).filter((key) =>
      HEADS.some((head) => key.startsWith(`${head}.`)),
    )) {
      writeFileSync(join(WORK_FOLDER, `${candidates}.${name}.f32`), graph.values(name));
    }
    const opened = await ExportedRouter.open(exportFolder(candidates, "f32"));
    const rows = await opened.scores(
      PROMPT_TOKENS.map((tokens) => ({ id: "", prompt: prompts[tokens]![0]! })),
    );
    expected[candidates] = rows.map((row) => [...row]);
    await opened.dispose();
  }
  const work: RouterWork = { prompts, expected };
  writeFileSync(WORK_FILE, JSON.stringify(work));
}

/** Name of a cell, the same in every subject. */
export const cellName = (percentile: "p50" | "p99", tokens: number, candidates: number): string =>
  `${percentile} ms, ${tokens} tokens, ${candidates} candidates`;

export const rateName = (concurrency: number): string => `decisions per s, ${concurrency} at once`;

/** Callers that wait at the same time. */
export const CONCURRENCY = [1, 8, 32] as const;
