/**
 * Routers over the embedding of a pretrained encoder as graphs: token ids -> hidden states -> pooled vector of length 1 ->
 * the method's own heads.
 *
 * B prompts, T tokens, W weighted pooling modes, E embedding dimension.
 */

import { type EmbeddingModel, embeddings, loadEmbeddingModel } from "../../embed/index.ts";
import { type PoolingMode, weightedModes } from "../../embed/pooling.ts";
import { promptTokens } from "../../embed/tokenize.ts";
import { paddingBias, placesOf } from "../../export/token-inputs.ts";
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { MASKED_BIAS, type ParameterSpecs, type ParameterValues } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Tokenizer } from "../../text/index.ts";
import { CachingEmbedder, type Embedder, EncoderEmbedder } from "../embedding/index.ts";
import type { OutputMeaning, PromptInputs, PromptTokenization, RouterGraph } from "./router-graph.ts";

/** What a method computes of an embedding. Names of `specs` must not be those of the encoder: give them a prefix. */
export interface EmbeddingHeads {
  readonly kind: string;
  readonly candidates: readonly string[];
  readonly specs: ParameterSpecs;
  readonly values: (name: string) => Float32Array;
  readonly outputs: Readonly<Record<string, OutputMeaning>> & { readonly scores: OutputMeaning };
  /** @param embedding f32 [B, E], rows of length 1, or of zeros for a text without a token */
  build(parameters: ParameterValues, embedding: Value): Readonly<Record<string, Value>>;
}

/**
 * The graph of `heads` over `embedder`.
 *
 * @throws {TuttiError} EXPORT_INVALID when the embedder is no network over token ids; what loading the encoder throws
 */
export function embeddingHeadsGraph(embedder: Embedder, heads: EmbeddingHeads): RouterGraph {
  const inner = embedder instanceof CachingEmbedder ? embedder.inner : embedder;
  if (!(inner instanceof EncoderEmbedder)) {
    throw new TuttiError(
      "EXPORT_INVALID",
      `a ${heads.kind} router over ${inner.kind} embeddings cannot be exported: they are no function of token ids`,
      {
        details: { kind: heads.kind, embedder: inner.kind },
        hint: "train it over an encoder: `tutti router train --embedder FOLDER`",
      },
    );
  }
  const model = loadEmbeddingModel(inner.folder);
  const tokenization = tokenizationOf(model);
  return {
    kind: heads.kind,
    candidates: heads.candidates,
    tokenizerPath: model.tokenizer.path,
    tokenization,
    vocabularySize: model.backbone.vocabularySize,
    specs: { ...model.specs, ...heads.specs },
    values: (name) => (name in heads.specs ? heads.values(name) : model.weights.plain.get(name)!.data),
    outputs: heads.outputs,
    build: (parameters, inputs) => heads.build(parameters, unitLength(embed(model, parameters, inputs))),
  };
}

function embed(model: EmbeddingModel, parameters: ParameterValues, inputs: PromptInputs): Value {
  const { inputIds, attentionMask } = inputs;
  const [batch, tokens] = inputIds.shape;
  const isToken = ops.reshape(attentionMask, [batch!, tokens!, 1]);
  const zero = ops.scalarLike(isToken, 0);
  const { graph } = inputIds;
  return embeddings(model.backbone, model.pipeline, parameters, {
    inputIds,
    positionIds: placesOf(inputIds),
    paddingBias: paddingBias(attentionMask),
    positions: model.maxTokens,
    poolingWeights: maskedPoolingWeights(weightedModes(model.pipeline.pooling), attentionMask),
    poolingBias: ops.where(ops.greater(isToken, zero), graph.scalar(0), graph.scalar(MASKED_BIAS)),
  });
}

/** The weights of embed/pooling.ts for rows with padding on the right: f32 [B, W, T]; 0 in a row of padding. */
function maskedPoolingWeights(modes: readonly PoolingMode[], mask: Value): Value {
  const [batch, tokens] = mask.shape;
  const isToken = ops.toFloat32(mask);
  const places = placesOf(mask);
  const positions = ops.toFloat32(ops.add(places, ops.scalarLike(places, 1)));
  const lengths = ops.reduceMax(ops.cumulativeSum(mask), [-1]);
  const atPlace = (place: Value): Value => ops.mul(ops.toFloat32(ops.equal(places, place)), isToken);
  const share = (weights: Value): Value => ops.div(weights, orOne(ops.reduceSum(weights, [-1])));
  const weightsOf = (mode: PoolingMode): Value => {
    switch (mode) {
      case "cls":
        return atPlace(ops.scalarLike(places, 0));
      case "lasttoken":
        return atPlace(ops.sub(lengths, ops.scalarLike(lengths, 1)));
      case "mean":
        return share(isToken);
      case "mean_sqrt_len_tokens":
        return ops.div(isToken, ops.sqrt(orOne(ops.reduceSum(isToken, [-1]))));
      case "weightedmean":
        return share(ops.mul(isToken, positions));
      case "max":
        throw new Error("internal: max is no weighted sum");
    }
  };
  const rows = modes.map((mode) => ops.reshape(weightsOf(mode), [batch!, 1, tokens!]));
  return rows.length === 1 ? rows[0]! : ops.concat(rows, 1);
}

/** x, and 1 where x is 0. */
function orOne(x: Value): Value {
  return ops.add(x, ops.toFloat32(ops.equal(x, ops.scalarLike(x, 0))));
}

/** Rows scaled to length 1; a row of zeros stays as it is. */
function unitLength(x: Value): Value {
  return ops.div(x, orOne(ops.sqrt(ops.reduceSum(ops.mul(x, x), [-1]))));
}

/** Special tokens that the tokenizer puts around a text. */
function frameOf(tokenizer: Tokenizer): { readonly before: number[]; readonly after: number[] } {
  const own = [...tokenizer.encode("a", { addSpecialTokens: false }).ids];
  const whole = [...tokenizer.encode("a").ids];
  const start = whole.findIndex((_, index) => own.every((id, offset) => whole[index + offset] === id));
  return { before: whole.slice(0, start), after: whole.slice(start + own.length) };
}

function tokenizationOf(model: EmbeddingModel): PromptTokenization {
  const { pipeline, tokenizer, maxTokens, truncationSide } = model;
  const textBefore = pipeline.defaultPrompt ? pipeline.prompts[pipeline.defaultPrompt]! : "";
  const settings = { tokenizer, maxTokens, truncationSide, isLowerCased: pipeline.isLowerCased };
  if (!pipeline.poolsPrompt && promptTokens(textBefore, settings) > 0) {
    throw new TuttiError(
      "EXPORT_INVALID",
      `${model.path}: the embedding leaves the tokens of its prompt "${textBefore}" out of the pooling`,
      { details: { path: model.path }, hint: "only encoders that pool all tokens can be exported" },
    );
  }
  const { before, after } = frameOf(tokenizer);
  return {
    textBefore,
    isLowerCased: pipeline.isLowerCased,
    idsBefore: before,
    idsAfter: after,
    maxTokens,
    keeps: truncationSide === "left" ? "last" : "first",
    idsOfEmptyText: [...before, ...after],
    padId: tokenizer.specialTokens.pad ?? 0,
  };
}
