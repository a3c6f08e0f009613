export { answerTokenRow, answerTokens } from "./answer-tokens.ts";
export {
  expectedLatencyMs,
  FEWEST_LATENCY_OBSERVATIONS,
  fitLatency,
  type LatencyObservation,
  type LatencyProfile,
} from "./latency.ts";
export { evaluateLengths, type LengthErrors, type LengthEvaluation, lengthErrors } from "./length-errors.ts";
export { loadLengthModel, saveLengthModel } from "./length-file.ts";
export { FEWEST_LENGTH_PROMPTS, type LengthEstimate, LengthModel, trainLengthModel } from "./length-model.ts";
