/** Sentence embeddings by a pretrained BERT encoder: mean of its last hidden states, scaled to length 1. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as ops from "../../graph/functions.ts";
import { Graph } from "../../graph/ir.ts";
import { bertEncoder, bertSpecs, parseBertConfig } from "../../models/index.ts";
import { MASKED_BIAS } from "../../nn/attention.ts";
import { declareParameters, type Parameters } from "../../nn/index.ts";
import { type Backend, createOrtBackend, type Executable } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { float32, int32, zeros } from "../../tensor/host-tensor.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { loadParameters } from "../../train/checkpoint.ts";
import type { Embedder } from "./embedder.ts";

const TEXTS_PER_RUN = 16;
/** Padded lengths are multiples of this. */
const LENGTH_STEP = 16;

export class EncoderEmbedder implements Embedder {
  readonly kind: string;
  readonly dimension: number;
  private readonly parameters: Parameters;
  private readonly tokenizer: Tokenizer;
  private readonly maxTokens: number;
  private readonly executable: Promise<Executable>;

  /**
   * @param folder config.json, model.safetensors, tokenizer.json; sentence_bert_config.json gives the token limit
   * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH, SAFETENSORS_INVALID
   */
  constructor(folder: string, backend: Backend = createOrtBackend({ threads: 1 })) {
    const configPath = join(folder, "config.json");
    if (!existsSync(configPath)) {
      throw new TuttiError("FILE_NOT_FOUND", `no encoder in ${folder}: config.json is missing`, {
        details: { folder },
      });
    }
    const configText = readFileSync(configPath);
    const config = parseBertConfig(JSON.parse(configText.toString("utf8")) as Record<string, unknown>);
    this.tokenizer = loadTokenizer(join(folder, "tokenizer.json"));
    this.kind = `bert-mean:${createHash("sha256").update(configText).update(this.tokenizer.sha256).digest("hex").slice(0, 16)}`;
    this.dimension = config.hiddenSize;
    this.maxTokens = readTokenLimit(folder, config.maxPositions);
    const specs = bertSpecs(config);
    const loaded = loadParameters(join(folder, "model.safetensors"));
    // Checkpoints carry a pooler that sentence embeddings do not use.
    this.parameters = Object.fromEntries(
      Object.keys(specs).flatMap((name) => (loaded[name] ? [[name, loaded[name]]] : [])),
    );
    const missing = Object.keys(specs).find((name) => !loaded[name]);
    if (missing !== undefined) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${folder}: has no tensor "${missing}"`, {
        details: { folder, name: missing },
      });
    }
    const graph = new Graph();
    const values = declareParameters(graph, specs);
    const tokens = ["batch", "tokens"];
    const hidden = bertEncoder(config, values, {
      inputIds: graph.input("input_ids", "int32", tokens),
      positionIds: graph.input("position_ids", "int32", tokens),
      tokenTypeIds: graph.input("token_type_ids", "int32", tokens),
      attentionBias: graph.input("attention_bias", "float32", ["batch", 1, 1, "tokens"]),
    });
    // weights [B, 1, L] hold 1 / number of tokens, 0 on padding: their product with [B, L, H] is the mean
    const pooled = ops.matmul(graph.input("pooling_weights", "float32", ["batch", 1, "tokens"]), hidden);
    this.executable = backend.compile(graph, { pooled });
  }

  /** Embeddings in the order of `texts`; each is cut to the model's token limit, as sentence-transformers does. */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const ids = texts.map((text) => this.encode(text));
    const order = ids.map((_, index) => index).sort((a, b) => ids[a]!.length - ids[b]!.length);
    const embeddings = new Array<Float32Array>(texts.length);
    for (let start = 0; start < order.length; start += TEXTS_PER_RUN) {
      const members = order.slice(start, start + TEXTS_PER_RUN);
      const rows = await this.run(members.map((member) => ids[member]!));
      for (const [position, member] of members.entries()) embeddings[member] = rows[position]!;
    }
    return embeddings;
  }

  private encode(text: string): Int32Array {
    const { ids } = this.tokenizer.encode(text.trim(), { addSpecialTokens: false });
    const { cls, sep } = this.tokenizer.specialTokens;
    return Int32Array.of(cls!, ...ids.subarray(0, this.maxTokens - 2), sep!);
  }

  private async run(rows: readonly Int32Array[]): Promise<Float32Array[]> {
    const batch = rows.length;
    const longest = Math.max(...rows.map(({ length }) => length));
    const tokens = Math.min(this.maxTokens, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
    const inputIds = new Int32Array(batch * tokens);
    const positionIds = Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens);
    const bias = new Float32Array(batch * tokens).fill(MASKED_BIAS);
    const weights = new Float32Array(batch * tokens);
    for (const [row, ids] of rows.entries()) {
      inputIds.set(ids, row * tokens);
      bias.fill(0, row * tokens, row * tokens + ids.length);
      weights.fill(1 / ids.length, row * tokens, row * tokens + ids.length);
    }
    const { pooled } = await (await this.executable).run({
      ...this.parameters,
      input_ids: int32([batch, tokens], inputIds),
      position_ids: int32([batch, tokens], positionIds),
      token_type_ids: zeros("int32", [batch, tokens]),
      attention_bias: float32([batch, 1, 1, tokens], bias),
      pooling_weights: float32([batch, 1, tokens], weights),
    });
    return rows.map((_, row) =>
      normalised(pooled!.data.slice(row * this.dimension, (row + 1) * this.dimension) as Float32Array),
    );
  }
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : vector;
}

function readTokenLimit(folder: string, maxPositions: number): number {
  const path = join(folder, "sentence_bert_config.json");
  if (!existsSync(path)) return maxPositions;
  const { max_seq_length: limit } = JSON.parse(readFileSync(path, "utf8")) as { max_seq_length?: number };
  return Math.min(limit ?? maxPositions, maxPositions);
}
