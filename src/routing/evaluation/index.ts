export { chooseAll } from "./choose.ts";
export {
  type EvaluateRoutersInput,
  evaluateRouters,
  normalisedScore,
  ORACLE,
  percentileInterval,
} from "./evaluate.ts";
export { lengthControlledWinRate } from "./length-controlled.ts";
export { type Metric, oracleChoices, prepareMetric } from "./metrics.ts";
export { formatEvaluationTable } from "./table.ts";
export type { BenchmarkResult, Interval, RouterEvaluation } from "./types.ts";
