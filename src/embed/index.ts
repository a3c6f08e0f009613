/** Embeddings of texts: pooling, dense layers, scaling and prompts as the model's own files say. */
export type { Backbone } from "./backbone.ts";
export {
  buildEmbeddingGraph,
  type EmbeddingGraph,
  type EmbeddingGraphInputs,
  embeddings,
  stageSpecs,
} from "./embedding-graph.ts";
export { type EmbeddingModel, type LoadEmbeddingModelOptions, loadEmbeddingModel } from "./load-model.ts";
export {
  type Activation,
  type DenseStage,
  type EmbeddingPipeline,
  embeddingModelFiles,
  modelFolderOf,
  type Stage,
} from "./pipeline.ts";
export type { PoolingMode } from "./pooling.ts";
export { type EmbedOptions, TextEmbedder, type TextEmbedderOptions } from "./text-embedder.ts";
