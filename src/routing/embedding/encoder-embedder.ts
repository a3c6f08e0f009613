/** Prompt embeddings by a pretrained encoder, pooled as its own files say and scaled to length 1. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type EmbeddingPipeline,
  loadEmbeddingModel,
  modelFolderOf,
  TextEmbedder,
} from "../../embed/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS } from "../../support/json.ts";
import { readWholeFile } from "../../support/read-file.ts";
import { type Embedder, normaliseLength } from "./embedder.ts";

/** How vectors are made, in a word; scaling does not count, since it is done here in any case. */
function methodOf(modelType: string, { pooling, stages }: EmbeddingPipeline): string {
  const dense = stages.filter(({ kind }) => kind === "dense").map(() => "dense");
  return [modelType, ...pooling, ...dense].join("-");
}

export class EncoderEmbedder implements Embedder {
  readonly kind: string;
  readonly dimension: number;
  /** Where its files are. */
  readonly folder: string;
  private readonly embedder: Promise<TextEmbedder>;

  /**
   * @param folder see {@link loadEmbeddingModel}
   * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH, SAFETENSORS_INVALID
   */
  constructor(folder: string, backend?: Backend) {
    const configPath = join(modelFolderOf(folder), "config.json");
    if (!existsSync(configPath)) {
      throw new TuttiError("FILE_NOT_FOUND", `no encoder in ${folder}: config.json is missing`, {
        details: { folder },
      });
    }
    const model = loadEmbeddingModel(folder);
    const refuse = (problem: string, cause?: unknown): TuttiError =>
      new TuttiError("MODEL_CONFIG_UNSUPPORTED", `${configPath}: ${problem}`, { cause });
    const config = readWholeFile(configPath, CONFIGURATION_LIMITS.bytes, refuse);
    const content = createHash("sha256").update(config).update(model.tokenizer.sha256);
    this.kind = `${methodOf(model.backbone.modelType, model.pipeline)}:${content.digest("hex").slice(0, 16)}`;
    this.dimension = model.dimension;
    this.folder = folder;
    this.embedder = TextEmbedder.create(model, { threads: 1, ...(backend && { backend }) });
  }

  /** Embeddings in the order of `texts`; each is cut to the model's token limit, as sentence-transformers does. */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors = await (await this.embedder).embed(texts);
    return vectors.map(normaliseLength);
  }
}
