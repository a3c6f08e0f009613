/** Many models made into one: FuseChat-3.0, and merging of checkpoints. */
export {
  type FuseContext,
  type FuseEvents,
  STAGES,
  type StageName,
  type StageProgress,
} from "./fusechat/context.ts";
export {
  PAIRS_DATA,
  SFT_DATA,
  TRAINERS,
  type Trainer,
  type TrainerFile,
  type TrainerFiles,
  type TrainerTarget,
  trainerFiles,
} from "./fusechat/export/trainer-files.ts";
export { exportSet } from "./fusechat/export/training-data.ts";
export { type FusedModel, runFuseChat } from "./fusechat/pipeline.ts";
export {
  type FusePlan,
  type PlanContext,
  type PlannedAnswers,
  type PlannedTraining,
  planFuseChat,
  type SelectedSets,
  selectedSets,
} from "./fusechat/plan.ts";
export type { FuseReport } from "./fusechat/report.ts";
export { PAIRS_FILE, SFT_FILE, VALIDATION_FILE } from "./fusechat/select-stage.ts";
export type { FuseSettings } from "./fusechat/settings.ts";
export {
  createMergeMethod,
  DARE_RESCALES,
  type DareOptions,
  type Lineage,
  MERGE_METHODS,
  type MergeDType,
  type MergedModel,
  type MergedTensor,
  type MergeEvents,
  type MergeMethod,
  type MergeMethodName,
  type MergePiece,
  type MergeRequest,
  type MergeSettings,
  type ModelToMerge,
  mergeCheckpoints,
  type NamedFolder,
  PIECE_ELEMENTS,
  type Piece,
  SCE_READINGS,
  type SceOptions,
  type TiesOptions,
} from "./merging/index.ts";
export { finishedStage, runStage, type Stage, type StageResult } from "./stage-runner.ts";
