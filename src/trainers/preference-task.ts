/** Preference optimisation of a causal language model as a training task: full, partial, or through an adapter. */
import type { Graph, Value } from "../graph/ir.ts";
import type { ScoredResponses } from "../losses/index.ts";
import { type CausalModel, causalLogProbabilities } from "../models/index.ts";
import { withLora } from "../nn/lora.ts";
import type { HalfParameters, ParameterValues } from "../nn/parameters.ts";
import { TuttiError } from "../support/errors.ts";
import { float32 } from "../tensor/host-tensor.ts";
import { type CommonFineTuningOptions, chooseTrained, type FineTuningTask } from "../train/fine-tuning.ts";
import type { Bucket, MicroBatch, StepOutputs } from "../train/task.ts";
import type { PreferenceObjective } from "./objectives.ts";
import { preferenceMetrics, weightedSum } from "./preference-metrics.ts";
import { groupColumn, groupFeeds, rowInputs, sumsByResponse, targetInputs } from "./rows/group-feeds.ts";
import { type GroupBatching, planGroups } from "./rows/group-plans.ts";
import { checkGroups, checkPositions, groupTokens, type PromptResponses } from "./rows/prompt-responses.ts";

export interface PreferenceGroup extends PromptResponses {
  /** Whether the answer is a good one; read by KTO only. */
  readonly isDesirable?: boolean;
}

/** The reference model's sums of log-probabilities for the responses of one group, in order. */
export type ReferenceLookUp = (group: number) => ArrayLike<number>;

/** What the trainers on prompts with responses share. */
export interface GroupTaskOptions extends Omit<CommonFineTuningOptions, "accumulation"> {
  readonly batching: GroupBatching;
  /** False computes a prompt anew for each of its responses: the same result for more work. @default true */
  readonly sharesPrompt?: boolean;
  /** The model's frozen matrices in half precision, from `narrowFrozenMatrices`. */
  readonly half?: HalfParameters;
}

export interface PreferenceTaskOptions extends GroupTaskOptions {
  /** How far training has come, from 0 to 1, for objectives that change on the way. @default the share of the steps done */
  readonly progress?: number;
}

/** @throws {TuttiError} INVALID_ARGUMENT when a prompt with a response is longer than the model has positions, or epochs are none */
export function checkGroupOptions(
  config: { readonly maxPositions: number },
  groups: readonly PromptResponses[],
  { epochs }: Pick<GroupTaskOptions, "epochs">,
): void {
  if (!(epochs > 0)) throw new TuttiError("INVALID_ARGUMENT", `epochs must be above 0, received ${epochs}`);
  checkPositions(config, groups);
}

/**
 * The mean over the prompts of an optimiser step of the objective's loss. Dropout is off: reference and policy must differ by
 * their weights alone.
 *
 * @param reference required where the objective needs one
 * @throws {TuttiError} DATASET_INVALID for groups without the objective's responses; INVALID_ARGUMENT as
 *   {@link checkGroupOptions}, when a group is longer than a row, when nothing is trained or the reference is missing
 */
export function createPreferenceTask(
  model: CausalModel,
  groups: readonly PreferenceGroup[],
  objective: PreferenceObjective,
  reference: ReferenceLookUp | undefined,
  options: PreferenceTaskOptions,
): FineTuningTask {
  checkGroups(groups, objective.roles.length);
  checkGroupOptions(model.config, groups, options);
  if (objective.needsReference && !reference) {
    throw new TuttiError("INVALID_ARGUMENT", `${objective.name} needs the log-probabilities of a reference`, {
      hint: "compute them first with computeReference",
    });
  }
  const { adapter, sharesPrompt = true, epochs, seed, paddingId } = options;
  const trained = chooseTrained(model.specs, options);
  const lengths = groups.map((group) => groupTokens(group, sharesPrompt));
  const plans = planGroups(lengths, options.batching, seed);
  const totalSteps = Math.ceil(plans.stepsPerEpoch * epochs);
  return {
    ...trained,
    ...(options.half && { half: options.half }),
    ...(options.recompute && { recompute: options.recompute }),
    totalSteps,
    leftOut: [],
    build(graph, declared, bucket) {
      const parameters = withLora(declared, model.specs, adapter ? [adapter] : []);
      return buildStep(model, objective, graph, parameters, bucket);
    },
    microBatches(step) {
      const batches = plans.step(step);
      const members = batches.reduce((sum, { rows }) => sum + rows.flat().length, 0);
      return batches.map((plan): MicroBatch => {
        const made = groupFeeds(groups, plan, { paddingId, sharesPrompt });
        const facts = { weight: 1 / members, progress: options.progress ?? step / totalSteps };
        return {
          bucket: made.bucket,
          recordIds: made.members.map((index) => groups[index]!.id),
          feeds: {
            ...made.feeds,
            ...preferenceFeeds(groups, made.members, made.bucket.groups, reference, facts),
          },
        };
      });
    },
  };
}

function preferenceFeeds(
  groups: readonly PreferenceGroup[],
  members: readonly number[],
  places: number,
  reference: ReferenceLookUp | undefined,
  { weight, progress }: { readonly weight: number; readonly progress: number },
) {
  const roles = groups[members[0]!]!.responses.length;
  const looked = members.map((index) => reference?.(index));
  const column = (values: readonly number[], rest = 0) => groupColumn(values, places, rest);
  const perRole = Array.from({ length: roles }, (_, role) => ({
    [`reference.${role}`]: column(looked.map((row) => row?.[role] ?? 0)),
    [`tokens.${role}`]: column(
      members.map((index) => groups[index]!.responses[role]!.length),
      1,
    ),
  }));
  return {
    ...Object.assign({}, ...perRole),
    group_weights: column(members.map(() => weight)),
    is_desirable: column(members.map((index) => Number(groups[index]!.isDesirable ?? true))),
    progress: float32([], [progress]),
  };
}

/** Policy and reference figures of every role, f32 [groups] each. */
function scoredResponses(
  model: CausalModel,
  roles: number,
  graph: Graph,
  parameters: ParameterValues,
  bucket: Bucket,
): ScoredResponses[] {
  const sizes = bucket as { batch: number; tokens: number; targets: number; groups: number };
  const hidden = model.decoder(parameters, rowInputs(graph, sizes, model.config.maxPositions));
  const { responses, ...targets } = targetInputs(graph, sizes);
  const logProbabilities = causalLogProbabilities(model, parameters, hidden, targets);
  return sumsByResponse(logProbabilities, responses, sizes.groups, roles).map((policy, role) => ({
    policy,
    reference: graph.input(`reference.${role}`, "float32", [sizes.groups]),
    tokens: graph.input(`tokens.${role}`, "float32", [sizes.groups]),
  }));
}

function buildStep(
  model: CausalModel,
  objective: PreferenceObjective,
  graph: Graph,
  parameters: ParameterValues,
  bucket: Bucket,
): StepOutputs {
  const scored = scoredResponses(model, objective.roles.length, graph, parameters, bucket);
  const places = bucket.groups!;
  const facts = {
    weights: graph.input("group_weights", "float32", [places]),
    isDesirable: graph.input("is_desirable", "float32", [places]),
    progress: graph.input("progress", "float32", []),
  };
  const { losses, rewards, reported = {} } = objective.losses(scored, facts);
  const own = Object.entries(reported).map(([name, value]) => [name, weightedSum(value, facts.weights)]);
  return {
    loss: weightedSum(losses, facts.weights),
    metrics: {
      ...preferenceMetrics(objective, scored, rewards, facts),
      ...(Object.fromEntries(own) as Readonly<Record<string, Value>>),
    },
  };
}
