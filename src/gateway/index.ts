/** The OpenAI-compatible gateway in front of the pool. */
export { createGateway, type GatewayOptions } from "./app.ts";
export { type Clock, systemClock } from "./clock.ts";
export {
  ASSUMED_COMPLETION_TOKENS,
  type CandidateScore,
  type DecideOptions,
  type Decision,
  decide,
} from "./decide.ts";
export type { DecisionOutcome, DecisionRecord } from "./decision-store.ts";
export { AUTO_MODEL, type GatewayApp } from "./gateway-env.ts";
export { type LoadPoolOptions, loadPool } from "./load-pool.ts";
export { type GatewayServer, type ServeOptions, serveGateway } from "./serve.ts";
export type { ErrorBody } from "./wire/error.ts";
