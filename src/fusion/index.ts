/** Fusion of language models: many sources, one target. */
export {
  type FuseContext,
  type FuseEvents,
  STAGES,
  type StageName,
  type StageProgress,
} from "./fusechat/context.ts";
export { type FusedModel, runFuseChat } from "./fusechat/pipeline.ts";
export type { FuseReport } from "./fusechat/report.ts";
export type { FuseSettings } from "./fusechat/settings.ts";
export { finishedStage, runStage, type Stage, type StageResult } from "./stage-runner.ts";
