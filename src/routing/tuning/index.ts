export { formatTuning } from "./format.ts";
export { TUNABLE_METHODS, tunableMethods } from "./methods.ts";
export type { HoldoutResult, TunedSetting, TuningResult } from "./result.ts";
export type { SearchProgress, SettingStatus } from "./search.ts";
export type { Setting, TrainingContext, TunableMethod } from "./tunable-method.ts";
export { TUNING_FILE, type TuneRouterEvents, type TuneRouterOptions, tuneRouter } from "./tune-router.ts";
