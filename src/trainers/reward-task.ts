/** Training of reward models: a decoder with a head of one number, read at the last token of a response. */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { bradleyTerryLoss } from "../losses/index.ts";
import type { SequenceClassifier } from "../models/index.ts";
import { withLora } from "../nn/lora.ts";
import type { ParameterValues } from "../nn/parameters.ts";
import { TuttiError } from "../support/errors.ts";
import { chooseTrained, type FineTuningTask } from "../train/fine-tuning.ts";
import type { Bucket, MicroBatch, StepOutputs } from "../train/task.ts";
import { marginMetrics, weightedSum } from "./preference-metrics.ts";
import { checkGroupOptions, type GroupTaskOptions } from "./preference-task.ts";
import { columnsOf, groupColumn, groupFeeds, rowInputs } from "./rows/group-feeds.ts";
import { planGroups } from "./rows/group-plans.ts";
import { checkGroups, groupTokens, type PromptResponses } from "./rows/prompt-responses.ts";

export interface RewardGroup extends PromptResponses {
  /** Bradley-Terry: by how much the chosen reward shall lead. @default 0 */
  readonly margin?: number;
  /** Regression: the score that the response shall get. */
  readonly score?: number;
}

/**
 * - bradley-terry: chosen and rejected response of each prompt; `centring` keeps rewards around 0
 * - regression: one response of each prompt, squared error to its score
 */
export type RewardObjective =
  | { readonly kind: "bradley-terry"; readonly centring?: number }
  | { readonly kind: "regression" };

/**
 * The mean over the prompts of an optimiser step of the objective's loss. Dropout is off.
 *
 * @param model a decoder with one label
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED for an encoder or another number of labels; DATASET_INVALID and
 *   INVALID_ARGUMENT as `createPreferenceTask`, and for a regression without scores
 */
export function createRewardTask(
  model: SequenceClassifier,
  groups: readonly RewardGroup[],
  objective: RewardObjective,
  options: GroupTaskOptions,
): FineTuningTask {
  checkModel(model);
  checkGroups(groups, objective.kind === "regression" ? 1 : 2);
  checkGroupOptions(model.config, groups, options);
  const unscored = groups.find(({ score }) => objective.kind === "regression" && !Number.isFinite(score));
  if (unscored) {
    throw new TuttiError("DATASET_INVALID", `"${unscored.id}" has no score, which a regression learns`, {
      details: { id: unscored.id },
    });
  }
  const { adapter, sharesPrompt = true, seed, paddingId } = options;
  const chosen = chooseTrained(model.specs, options);
  // The head of an adapted model is new, so it is trained in full beside the adapter, as peft's modules_to_save are.
  const trainable = adapter ? [...chosen.trainable, ...headOf(model)] : chosen.trainable;
  const lengths = groups.map((group) => groupTokens(group, sharesPrompt));
  const plans = planGroups(lengths, options.batching, seed);
  return {
    ...chosen,
    trainable,
    ...(options.half && { half: options.half }),
    ...(options.recompute && { recompute: options.recompute }),
    totalSteps: Math.ceil(plans.stepsPerEpoch * options.epochs),
    leftOut: [],
    build(graph, declared, bucket) {
      const parameters = withLora(declared, model.specs, adapter ? [adapter] : []);
      return buildStep(model, objective, graph, parameters, bucket);
    },
    microBatches(step) {
      const batches = plans.step(step);
      const weight = 1 / batches.reduce((sum, { rows }) => sum + rows.flat().length, 0);
      return batches.map((plan): MicroBatch => {
        const { bucket, feeds, members } = groupFeeds(groups, plan, { paddingId, sharesPrompt });
        const column = (of: (group: RewardGroup) => number) =>
          groupColumn(
            members.map((index) => of(groups[index]!)),
            bucket.groups,
          );
        return {
          bucket,
          recordIds: members.map((index) => groups[index]!.id),
          feeds: {
            ...feeds,
            group_weights: column(() => weight),
            margins: column(({ margin }) => margin ?? 0),
            scores: column(({ score }) => score ?? 0),
          },
        };
      });
    },
  };
}

/** Names of the head's parameters: what the classifier has beside the decoder. */
export function headOf({ specs }: Pick<SequenceClassifier, "specs">): string[] {
  return Object.keys(specs).filter((name) => name.startsWith("score."));
}

function checkModel(model: SequenceClassifier): void {
  if (model.isCausal && model.labels === 1) return;
  const what = model.isCausal ? `a head of ${model.labels} labels` : "an encoder";
  throw new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `a reward model is a decoder with one label, received ${what}`,
    {
      hint: "give a decoder, with num_labels 1 where its config.json names labels",
    },
  );
}

/** Rewards [groups x responses, 1] at the last tokens of the responses. */
function rewardsAt(
  model: SequenceClassifier,
  graph: Graph,
  parameters: ParameterValues,
  hidden: Value,
  count: number,
) {
  const [batch, tokens, width] = hidden.shape.map(Number) as [number, number, number];
  const flat = ops.reshape(hidden, [batch * tokens, width]);
  const last = ops.gatherRows(flat, graph.input("last_positions", "int32", [count]));
  const ones = graph.constant("float32", [count, 1, 1], new Float32Array(count).fill(1));
  return model.logits(parameters, ops.reshape(last, [count, 1, width]), ones);
}

function buildStep(
  model: SequenceClassifier,
  objective: RewardObjective,
  graph: Graph,
  parameters: ParameterValues,
  bucket: Bucket,
): StepOutputs {
  const sizes = bucket as { batch: number; tokens: number; targets: number; groups: number };
  const hidden = model.hidden(parameters, rowInputs(graph, sizes, model.config.maxPositions));
  const responses = objective.kind === "regression" ? 1 : 2;
  const rewards = rewardsAt(model, graph, parameters, hidden, sizes.groups * responses);
  const weights = graph.input("group_weights", "float32", [sizes.groups]);
  const [first, second] = columnsOf(rewards, sizes.groups, responses) as [Value, Value];
  if (objective.kind === "regression") {
    const difference = ops.sub(first, graph.input("scores", "float32", [sizes.groups]));
    const loss = weightedSum(ops.mul(difference, difference), weights);
    return { loss, metrics: { "rewards/answer": weightedSum(first, weights) } };
  }
  const margins = graph.input("margins", "float32", [sizes.groups]);
  const losses = bradleyTerryLoss(first, second, {
    margins,
    ...(objective.centring !== undefined && { centring: objective.centring }),
  });
  return {
    loss: weightedSum(losses, weights),
    metrics: {
      "rewards/chosen": weightedSum(first, weights),
      "rewards/rejected": weightedSum(second, weights),
      ...marginMetrics(first, second, weights),
    },
  };
}
