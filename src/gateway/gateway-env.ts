/** What routes share: the parts given to the gateway, and the state of one request. */
import type { Hono } from "hono";
import type { Pool } from "../pool/index.ts";
import type { Policy, PolicyGround } from "../routing/policy/index.ts";
import type { Router } from "../routing/router.ts";
import type { Logger } from "../support/logger.ts";
import type { AccessEntry } from "./access-log.ts";
import type { BudgetLedger } from "./budget-ledger.ts";
import type { Clock } from "./clock.ts";
import type { DecisionStore } from "./decision-store.ts";
import type { LatencyMeter } from "./latency-meter.ts";
import type { TrafficSink } from "./traffic/traffic-recorder.ts";

/** The model name that asks the router. */
export const AUTO_MODEL = "tutti/auto";

export interface GatewayParts {
  readonly pool: Pool;
  readonly router: Router | undefined;
  /** How the router's view becomes a choice; by its scores alone without one. */
  readonly policy: Policy | undefined;
  readonly ground: PolicyGround;
  /** Present when the policy keeps a budget. */
  readonly budget: BudgetLedger | undefined;
  readonly latencies: LatencyMeter;
  /** Where answered requests are kept. */
  readonly traffic: TrafficSink | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly decisions: DecisionStore;
  readonly maxBodyBytes: number;
  /** Seconds since 1970. */
  readonly startedSeconds: number;
}

export interface GatewayEnv {
  Variables: {
    access: AccessEntry;
    /** Aborts when the client goes away. */
    signal: AbortSignal;
  };
}

export type GatewayApp = Hono<GatewayEnv>;
