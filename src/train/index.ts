export { type Batching, type BatchPlan, type BatchPlans, planBatches } from "./batch-plans.ts";
export {
  type CausalLanguageModelTask,
  createCausalLanguageModelTask,
  type FineTuningExample,
  type FineTuningOptions,
  narrowFrozenMatrices,
  parameterGroups,
} from "./causal-lm-task.ts";
export {
  loadCheckpoint,
  loadParameters,
  saveCheckpoint,
  saveParameters,
  type TrainingState,
} from "./checkpoint.ts";
export { CompiledSteps } from "./compiled-steps.ts";
export {
  type Conversation,
  type ConversationOptions,
  conversationExamples,
} from "./conversation-examples.ts";
export type { CommonFineTuningOptions, FineTuningTask } from "./fine-tuning.ts";
export {
  type TrainingContext,
  type TrainingResult,
  type TrainingSettings,
  train,
  trainingPaths,
  type Validated,
} from "./loop.ts";
export { readMetrics, type StepMetrics } from "./metrics-file.ts";
export { type PairOptions, pairExamples, type TextPair } from "./pair-examples.ts";
export {
  createSeq2SeqTask,
  type Seq2SeqBatching,
  type Seq2SeqExample,
  type Seq2SeqFineTuningOptions,
} from "./seq2seq-task.ts";
export { type StepFlops, stepFlops } from "./step-flops.ts";
export type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "./task.ts";
