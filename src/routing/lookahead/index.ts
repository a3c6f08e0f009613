export { GrowableLookaheadRouter, growableLookahead } from "./growable-router.ts";
export { LookaheadRouter, loadLookahead, saveLookahead } from "./lookahead-router.ts";
export { selectCandidates } from "./select-candidates.ts";
export {
  BEST_BY,
  type BestBy,
  type LookaheadSettings,
  MASKINGS,
  type Masking,
  NORMALISATIONS,
  type Normalisation,
  POOLINGS,
  POSITION_POLICIES,
  type Pooling,
  type PositionPolicy,
  PREDICTIONS,
  type Prediction,
  ROUTING_LOSSES,
  type RoutingLoss,
  SPANS,
  type Span,
  VARIANTS,
  type Variant,
} from "./settings.ts";
export {
  type LookaheadOptions,
  type LookaheadRun,
  type LookaheadTrainingEvents,
  trainLookahead,
} from "./train.ts";
