/** Sentence embeddings by a pretrained BERT encoder: mean of its last hidden states, scaled to length 1. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as ops from "../../graph/functions.ts";
import { Graph } from "../../graph/ir.ts";
import { type BertConfig, bertEncoder, bertSpecs, parseBertConfig } from "../../models/index.ts";
import { MASKED_BIAS } from "../../nn/attention.ts";
import { checkParameters, declareParameters, type ParameterSpecs, type Parameters } from "../../nn/index.ts";
import { type Backend, createOrtBackend, type Executable } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, parseJsonBytes, readJsonFile } from "../../support/json.ts";
import { readWholeFile } from "../../support/read-file.ts";
import { shown } from "../../support/show.ts";
import { float32, int32, zeros } from "../../tensor/host-tensor.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { openSafetensors } from "../../weights/index.ts";
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
    const { config, bytes } = readEncoderConfig(folder);
    this.tokenizer = loadTokenizer(join(folder, "tokenizer.json"));
    checkTokenizer(this.tokenizer, config.vocabularySize);
    this.kind = `bert-mean:${createHash("sha256").update(bytes).update(this.tokenizer.sha256).digest("hex").slice(0, 16)}`;
    this.dimension = config.hiddenSize;
    this.maxTokens = readTokenLimit(folder, config.maxPositions);
    const specs = bertSpecs(config);
    this.parameters = readEncoderWeights(join(folder, "model.safetensors"), specs);
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

const refusal =
  (path: string) =>
  (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("MODEL_CONFIG_UNSUPPORTED", `${path}: ${problem}`, { cause, details: { path } });

function readEncoderConfig(folder: string): { readonly config: BertConfig; readonly bytes: Uint8Array } {
  const path = join(folder, "config.json");
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `no encoder in ${folder}: config.json is missing`, {
      details: { folder },
    });
  }
  const refuse = refusal(path);
  const bytes = readWholeFile(path, CONFIGURATION_LIMITS.bytes, refuse);
  const { value } = parseJsonBytes(bytes, CONFIGURATION_LIMITS, refuse);
  if (!isJsonObject(value)) throw refuse("is not a JSON object");
  return { config: parseBertConfig(value), bytes };
}

function checkTokenizer({ path, vocabularySize, specialTokens }: Tokenizer, rows: number): void {
  if (vocabularySize > rows) {
    throw new TuttiError(
      "TOKENIZER_MISMATCH",
      `${path}: has ${vocabularySize} tokens, the encoder ${rows} rows`,
    );
  }
  if (specialTokens.cls === undefined || specialTokens.sep === undefined)
    throw new TuttiError("TOKENIZER_INVALID", `${path}: an encoder's tokenizer needs [CLS] and [SEP]`);
}

/** Checkpoints carry a pooler that sentence embeddings do not use: other tensors are left out. */
function readEncoderWeights(path: string, specs: ParameterSpecs): Parameters {
  const file = openSafetensors(path);
  try {
    const needed = [...file.entries].filter(([name]) => Object.hasOwn(specs, name));
    checkParameters(specs, Object.fromEntries(needed), path);
    return Object.fromEntries(
      needed.map(([name]) => {
        const { shape, data } = file.read(name);
        if (data instanceof Float32Array) return [name, float32(shape, data)] as const;
        throw new TuttiError("WEIGHTS_MISMATCH", `${path}: tensor "${name}" holds no float32 numbers`);
      }),
    );
  } finally {
    file.close();
  }
}

function readTokenLimit(folder: string, maxPositions: number): number {
  const path = join(folder, "sentence_bert_config.json");
  if (!existsSync(path)) return maxPositions;
  const refuse = refusal(path);
  const value = readJsonFile(path, CONFIGURATION_LIMITS, refuse);
  const limit = (isJsonObject(value) ? value.max_seq_length : undefined) ?? maxPositions;
  // Two of them are the special tokens.
  if (!Number.isInteger(limit) || (limit as number) < 3)
    throw refuse(`"max_seq_length" is ${shown(limit)}, expected an integer of at least 3`);
  return Math.min(limit as number, maxPositions);
}
