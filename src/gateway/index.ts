/** The OpenAI-compatible gateway in front of the pool. */
export { createGateway, type GatewayOptions } from "./app.ts";
export { BudgetLedger, type BudgetLedgerOptions } from "./budget-ledger.ts";
export { type Clock, systemClock } from "./clock.ts";
export {
  type CandidateScore,
  type DecideOptions,
  type Decision,
  type DecisionWithInput,
  decide,
  decideWithInput,
} from "./decide.ts";
export type { DecisionOutcome, DecisionRecord } from "./decision-store.ts";
export { ASSUMED_COMPLETION_TOKENS } from "./estimate.ts";
export { AUTO_MODEL, type GatewayApp } from "./gateway-env.ts";
export { readLatencyLog } from "./latency-log.ts";
export { LatencyMeter, type MeasuredAnswer } from "./latency-meter.ts";
export { type LoadPoolOptions, loadPool, readPoolPolicy } from "./load-pool.ts";
export { parsePolicy } from "./request-policy.ts";
export { type GatewayServer, type ServeOptions, serveGateway } from "./serve.ts";
export type { Feedback, KeptFeedback } from "./traffic/messages.ts";
export {
  type TrafficCounts,
  TrafficRecorder,
  type TrafficRecorderOptions,
  type TrafficSink,
} from "./traffic/traffic-recorder.ts";
export { type AnsweredRequest, GATEWAY_SOURCE, TRAFFIC_DOMAIN } from "./traffic/traffic-rows.ts";
export type { ErrorBody } from "./wire/error.ts";
