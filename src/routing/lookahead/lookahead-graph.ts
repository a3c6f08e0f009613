/**
 * A Lookahead model as a graph over the prompt's ids alone: the rows that layout.ts lays out on the host, identifiers,
 * positions and masks included, are made by operators here.
 *
 * B prompts, T prompt tokens, C candidates, m response tokens, N = C (m + 1) block tokens, H hidden size.
 */

import { causalPlaceBias, paddingBias, placesOf } from "../../export/token-inputs.ts";
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { createCausalModel, createEncoderModel } from "../../models/index.ts";
import type { Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { PromptInputs, PromptTokenization, RouterGraph } from "../export/router-graph.ts";
import { lookaheadSpecs, type RowInputs, routingForward } from "./model.ts";
import type { LookaheadSettings } from "./settings.ts";

/** A place that no row reaches, for identifiers: they see every prompt token and none sees them. */
const BEYOND = 2 ** 30;

/** The same integers in every row: values i32 [N] -> [B, N]. */
function inEveryRow(perRow: Value, values: ArrayLike<number>): Value {
  const row = perRow.graph.constant("int32", [1, values.length], Int32Array.from(values));
  return ops.add(ops.mul(perRow, ops.scalarLike(perRow, 0)), row);
}

/** i32 [B, 1] */
const lengthsOf = ({ attentionMask }: PromptInputs): Value =>
  ops.reduceMax(ops.cumulativeSum(attentionMask), [-1]);

/** f32 [B, 1, T]: equal weights at tokens that add up to 1. */
function meanWeights(mask: Value): Value {
  const isToken = ops.toFloat32(mask);
  const [batch, tokens] = mask.shape;
  return ops.reshape(ops.div(isToken, ops.reduceSum(isToken, [-1])), [batch!, 1, tokens!]);
}

/** f32 [B, 1, T]: 1 at the first place. */
function firstWeights(mask: Value): Value {
  const [batch, tokens] = mask.shape;
  const places = placesOf(mask);
  const isFirst = ops.toFloat32(ops.equal(places, ops.scalarLike(places, 0)));
  return ops.reshape(isFirst, [batch!, 1, tokens!]);
}

/** [CLS] prompt [SEP] pad | block_1 [SEP] | ... | block_C [SEP], see `mlmRow`; without blocks, `promptRow`. */
function encoderRow(settings: LookaheadSettings, inputs: PromptInputs): RowInputs {
  const { responseTokens: m, candidateTokenIds, tokens: special } = settings;
  const places = placesOf(inputs.inputIds);
  let { inputIds, attentionMask: mask } = inputs;
  let positionIds = places;
  if (settings.variant === "mlm") {
    const lengths = lengthsOf(inputs);
    const ids = candidateTokenIds.flatMap((id) => [...new Array<number>(m).fill(id), special.sep]);
    const offsets = ids.map((_, index) => index % (m + 1));
    inputIds = ops.concat([inputIds, inEveryRow(lengths, ids)], 1);
    positionIds = ops.concat([places, ops.add(lengths, inEveryRow(lengths, offsets))], 1);
    mask = ops.concat([mask, inEveryRow(lengths, new Int32Array(ids.length).fill(1))], 1);
  }
  return {
    inputIds,
    positionIds,
    attentionBias: paddingBias(mask),
    poolingWeights: settings.pooling === "cls" ? firstWeights(mask) : meanWeights(mask),
  };
}

/** MID_1..MID_C | prompt pad, see `clmRow`. */
function decoderRow({ candidateTokenIds }: LookaheadSettings, inputs: PromptInputs): RowInputs {
  const lengths = lengthsOf(inputs);
  const places = placesOf(inputs.inputIds);
  const perCandidate = (number: (index: number) => number): Value =>
    inEveryRow(
      lengths,
      Array.from(candidateTokenIds, (_, index) => number(index)),
    );
  const inputIds = ops.concat([inEveryRow(lengths, candidateTokenIds), inputs.inputIds], 1);
  const positionIds = ops.concat(
    [
      ops.add(
        perCandidate(() => 0),
        lengths,
      ),
      places,
    ],
    1,
  );
  const queries = ops.concat([perCandidate(() => BEYOND), places], 1);
  const keys = ops.concat([perCandidate(() => BEYOND + 1), places], 1);
  const mask = ops.concat([perCandidate(() => 1), inputs.attentionMask], 1);
  const seen = ops.add(causalPlaceBias(queries, keys), paddingBias(mask));
  return { inputIds, positionIds, attentionBias: seeingItself(inputIds, seen), poolingWeights: undefined };
}

/** `bias` f32 [B, 1, S, S] with every place seeing itself. */
function seeingItself(ids: Value, bias: Value): Value {
  const places = placesOf(ids);
  const [batch, tokens] = places.shape;
  const isSame = ops.equal(
    ops.reshape(places, [batch!, 1, tokens!, 1]),
    ops.reshape(places, [batch!, 1, 1, tokens!]),
  );
  return ops.where(isSame, ops.scalarLike(bias, 0), bias);
}

function tokenizationOf({ variant, tokens, maxPromptTokens }: LookaheadSettings): PromptTokenization {
  const isFramed = variant !== "clm";
  return {
    textBefore: "",
    isLowerCased: false,
    idsBefore: isFramed ? [tokens.cls] : [],
    idsAfter: isFramed ? [tokens.sep] : [],
    maxTokens: maxPromptTokens,
    keeps: "last",
    idsOfEmptyText: isFramed ? [tokens.cls, tokens.sep] : [tokens.sep],
    padId: tokens.pad,
  };
}

/** @throws {TuttiError} EXPORT_INVALID for settings whose rows the graph does not lay out */
function checkExportable({ variant, prediction, positions, pooling }: LookaheadSettings): void {
  if (variant !== "mlm") return;
  const unsupported =
    prediction === "separate"
      ? "prediction separate"
      : positions === "running"
        ? "positions running"
        : pooling === "blocks"
          ? "pooling blocks"
          : undefined;
  if (unsupported === undefined) return;
  throw new TuttiError("EXPORT_INVALID", `a Lookahead model with ${unsupported} cannot be exported`, {
    hint: "train it with joint prediction, restarting positions and cls or mean pooling",
  });
}

/**
 * The model of `settings` and `parameters`, see {@link RouterGraph}.
 *
 * @throws {TuttiError} EXPORT_INVALID for separate prediction, running positions or pooling over blocks
 */
export function lookaheadGraph(
  settings: LookaheadSettings,
  parameters: Parameters,
  tokenizerPath: string,
): RouterGraph {
  checkExportable(settings);
  const specs = routingSpecs(settings);
  const model =
    settings.variant === "clm" ? createCausalModel(settings.backbone) : createEncoderModel(settings.backbone);
  return {
    kind: `lookahead-${settings.variant}`,
    candidates: settings.candidates,
    tokenizerPath,
    tokenization: tokenizationOf(settings),
    vocabularySize: model.config.vocabularySize,
    specs,
    values: (name) => parameters[name]!.data,
    outputs: {
      scores: {
        meaning:
          settings.labels === "relative"
            ? "logit per candidate that its answer is among the best for this prompt; higher is better"
            : "logit per candidate that its answer is good; higher is better",
      },
    },
    build: (values, inputs) => {
      const row = settings.variant === "clm" ? decoderRow(settings, inputs) : encoderRow(settings, inputs);
      return { scores: routingForward(settings, values, row, false).logits };
    },
  };
}

/** Parameters of the forward pass: heads that only responses are modelled with stay behind. */
function routingSpecs(settings: LookaheadSettings) {
  const all = lookaheadSpecs(settings);
  if (settings.variant === "clm") {
    const { "lm_head.weight": _head, ...specs } = all;
    return specs;
  }
  const { specs: encoder } = createEncoderModel(settings.backbone);
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => name in encoder || name.startsWith("routing.")),
  );
}
