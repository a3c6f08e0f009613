export { GrowableLookaheadRouter, growableLookahead } from "./growable-router.ts";
export { LookaheadRouter, loadLookahead, saveLookahead } from "./lookahead-router.ts";
export { type LookaheadSettings, VARIANTS, type Variant } from "./settings.ts";
export {
  type LookaheadOptions,
  type LookaheadRun,
  type LookaheadTrainingEvents,
  trainLookahead,
} from "./train.ts";
