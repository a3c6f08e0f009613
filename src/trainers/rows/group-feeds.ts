/** Rows of prompts with responses as graph inputs, and the feeds of a micro-batch. */
import * as ops from "../../graph/functions.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import type { Feeds } from "../../runtime/index.ts";
import { float32, int32 } from "../../tensor/host-tensor.ts";
import type { BatchPlan } from "../../train/batch-plans.ts";
import type { Bucket } from "../../train/task.ts";
import type { PromptResponses } from "./prompt-responses.ts";
import { stackPrompts } from "./prompt-rows.ts";

/** Places for groups come in fours, and targets in quarters of a batch's tokens: few shapes to compile. */
const GROUP_MULTIPLE = 4;
const TARGET_PARTS = 4;

export interface GroupSizes {
  readonly batch: number;
  readonly tokens: number;
  readonly targets: number;
  readonly groups: number;
}

/**
 * The inputs of a decoder over such rows; see PromptRows for their contents.
 *
 * @param maxPositions of the model, which no sequence exceeds, though a row of several may: scalings of rotary frequencies that
 *   depend on the sequence's length must not see the row's
 */
export function rowInputs(graph: Graph, { batch, tokens }: GroupSizes, maxPositions: number) {
  return {
    inputIds: graph.input("input_ids", "int32", [batch, tokens]),
    positionIds: graph.input("position_ids", "int32", [batch, tokens]),
    attentionBias: graph.input("attention_bias", "float32", [batch, 1, tokens, tokens]),
    isCausalByPlace: true,
    positions: Math.min(tokens, maxPositions),
  };
}

/** The tokens to predict: flat positions, labels (negative = padding), and the response of each, [P]. */
export function targetInputs(graph: Graph, { targets }: GroupSizes) {
  return {
    positions: graph.input("target_positions", "int32", [targets]),
    labels: graph.input("target_tokens", "int32", [targets]),
    responses: graph.input("target_responses", "int32", [targets]),
  };
}

/**
 * Sums of token figures [P] by response, one [groups] for each of the `responses` of a group.
 *
 * @param owners i32 [P] response of each figure; groups x responses for figures of none
 */
export function sumsByResponse(figures: Value, owners: Value, groups: number, responses: number): Value[] {
  const column = ops.reshape(figures, [figures.shape[0]!, 1]);
  const sums = ops.scatterAddRows(owners, column, groups * responses + 1);
  return columnsOf(ops.slice(sums, 0, 0, groups * responses), groups, responses);
}

/** Figures of responses [groups x responses, 1], one [groups] for each response of a group. */
export function columnsOf(figures: Value, groups: number, responses: number): Value[] {
  const table = ops.reshape(figures, [groups, responses]);
  return Array.from({ length: responses }, (_, index) =>
    ops.reshape(ops.slice(table, 1, index, index + 1), [groups]),
  );
}

export interface GroupFeeds {
  readonly bucket: Bucket & GroupSizes;
  readonly feeds: Feeds;
  /** The groups of the batch in the order of their places. */
  readonly members: readonly number[];
}

/** Feeds of the rows of a plan: what {@link rowInputs} and {@link targetInputs} declare, and `last_positions` [responses]. */
export function groupFeeds(
  all: readonly PromptResponses[],
  { rows, tokens }: BatchPlan,
  options: { readonly paddingId: number; readonly sharesPrompt: boolean },
): GroupFeeds {
  const batch = rows.length;
  const members = rows.flat();
  const stacked = stackPrompts(
    rows.map((row) => row.map((index) => all[index]!)),
    batch,
    tokens,
    options,
  );
  const responses = all[members[0]!]!.responses.length;
  const groups = Math.ceil(members.length / GROUP_MULTIPLE) * GROUP_MULTIPLE;
  const part = Math.ceil((batch * tokens) / TARGET_PARTS);
  const targets = Math.ceil(stacked.targetTokens.length / part) * part;
  const filled = (values: readonly number[], length: number, rest: number): Int32Array => {
    const array = new Int32Array(length).fill(rest);
    array.set(values);
    return array;
  };
  return {
    bucket: { batch, tokens, targets, groups },
    members,
    feeds: {
      input_ids: int32([batch, tokens], stacked.inputIds),
      position_ids: int32([batch, tokens], stacked.positionIds),
      attention_bias: float32([batch, 1, tokens, tokens], stacked.attentionBias),
      target_positions: int32([targets], filled(stacked.targetPositions, targets, 0)),
      target_tokens: int32([targets], filled(stacked.targetTokens, targets, -100)),
      target_responses: int32([targets], filled(stacked.targetResponses, targets, groups * responses)),
      last_positions: int32([groups * responses], filled(stacked.lastPositions, groups * responses, 0)),
    },
  };
}

/** Figures of groups [groups], padded with `rest`. */
export function groupColumn(values: readonly number[], groups: number, rest = 0) {
  const column = new Float32Array(groups).fill(rest);
  column.set(values);
  return float32([groups], column);
}
