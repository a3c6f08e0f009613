/** The gateway as a Hono application: nothing listens and nothing is global until a server takes it. */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { checkCandidates, type Pool } from "../pool/index.ts";
import { type BatchingOptions, batchingRouter } from "../routing/batching-router.ts";
import { isOutcomeRouter } from "../routing/outcome.ts";
import { checkPolicy, type Policy, type PolicyGround } from "../routing/policy/index.ts";
import type { Router } from "../routing/router.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { type Logger, silentLogger } from "../support/logger.ts";
import { AccessEntry } from "./access-log.ts";
import { BudgetLedger } from "./budget-ledger.ts";
import { type Clock, systemClock } from "./clock.ts";
import { DecisionStore } from "./decision-store.ts";
import type { GatewayApp, GatewayEnv, GatewayParts } from "./gateway-env.ts";
import { LatencyMeter } from "./latency-meter.ts";
import { addChatCompletions } from "./routes/chat-completions.ts";
import { addDecisions } from "./routes/decisions.ts";
import { addFeedback } from "./routes/feedback.ts";
import { addHealth } from "./routes/health.ts";
import { addModels } from "./routes/models.ts";
import type { TrafficSink } from "./traffic/traffic-recorder.ts";
import { errorCodeOf, toWireError } from "./wire/error.ts";

export interface GatewayOptions {
  readonly pool: Pool;
  /** Answers for `tutti/auto`; without one, clients name the model themselves. */
  readonly router?: Router | undefined;
  /** Concurrent requests are decided in common runs. */
  readonly batching?: BatchingOptions;
  /** How `tutti/auto` chooses; by the router's scores alone without one. */
  readonly policy?: Policy | undefined;
  /** State of the policy's budget; made anew, in memory, when the policy has one and this is left out. */
  readonly budget?: BudgetLedger | undefined;
  /** Speeds that are known already; measured from the first answer on otherwise. */
  readonly latencies?: LatencyMeter;
  /** Keeps prompts and answers in full, which nothing else of the gateway does. */
  readonly traffic?: TrafficSink | undefined;
  readonly clock?: Clock;
  /** Gets one `request` event per request; prompts, answers and keys are never among its fields. */
  readonly logger?: Logger;
  /** Longer request bodies are refused. Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /** How many decisions `GET /v1/decisions/ID` remembers, about 2 kB each. Default 10,000. */
  readonly maxDecisions?: number;
}

/**
 * Makes the application.
 *
 * @throws {TuttiError} UNKNOWN_CANDIDATE when the router may choose a model that the pool lacks; POLICY_INVALID when the
 *   policy does not fit router and pool
 */
export function createGateway(options: GatewayOptions): GatewayApp {
  const { pool, router, policy, clock = systemClock, logger = silentLogger } = options;
  if (router !== undefined) checkCandidates(pool, router);
  const ground = groundOf(pool, router);
  if (router !== undefined && policy !== undefined) checkPolicy(policy, ground);
  const parts: GatewayParts = {
    pool,
    router: router && batchingRouter(router, options.batching),
    policy,
    ground,
    budget: options.budget ?? (policy?.budget && new BudgetLedger(policy.budget, { clock, logger })),
    latencies: options.latencies ?? new LatencyMeter(pool),
    traffic: options.traffic,
    clock,
    logger,
    decisions: new DecisionStore(options.maxDecisions ?? 10_000),
    maxBodyBytes: options.maxBodyBytes ?? 8 * 1024 * 1024,
    startedSeconds: Math.floor(clock.nowMs() / 1000),
  };
  const app = new Hono<GatewayEnv>();
  addRequestFrame(app, parts);
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => {
        const allowed = methods.join(", ");
        context.header("allow", allowed);
        throw new TuttiError(
          "METHOD_NOT_ALLOWED",
          `${context.req.method} is not possible here, only ${allowed}`,
        );
      },
    }),
  );
  addChatCompletions(app, parts);
  addModels(app, parts);
  addDecisions(app, parts);
  addFeedback(app, parts);
  addHealth(app, parts);
  return app;
}

function groundOf(pool: Pool, router: Router | undefined): PolicyGround {
  return {
    models: pool.models.map(({ name }) => name),
    candidates: router?.candidates ?? [],
    hasQuality: router !== undefined && isOutcomeRouter(router) && router.isCalibrated,
  };
}

/** Request id, access log and error bodies: the same for every route. */
function addRequestFrame(app: GatewayApp, { clock, logger }: GatewayParts): void {
  app.use(async (context, next) => {
    const requestId = `req_${randomUUID().replaceAll("-", "")}`;
    const { method, path } = context.req;
    const access = new AccessEntry(requestId, { method, path }, clock, logger);
    context.set("access", access);
    context.set("signal", context.req.raw.signal);
    context.header("x-request-id", requestId);
    await next();
    if (!access.isStreaming) access.write(context.res.status);
  });
  const answerError = (thrown: unknown, context: Context<GatewayEnv>): Response => {
    const { requestId, fields } = context.get("access");
    const { httpStatus, body, retryAfterSeconds } = toWireError(thrown, requestId);
    fields.errorCode ??= errorCodeOf(thrown);
    if (httpStatus === 500) {
      const stack = thrown instanceof Error ? thrown.stack : undefined;
      logger.error("internal-error", { requestId, message: messageOf(thrown), stack: stack ?? null });
    }
    if (retryAfterSeconds !== undefined) context.header("retry-after", String(retryAfterSeconds));
    return context.json(body, httpStatus);
  };
  app.onError(answerError);
  // Answered, not thrown: the method check looks at plain 404 answers only.
  app.notFound((context) => {
    const message = `no route for ${context.req.method} ${context.req.path.slice(0, 200)}`;
    const hint =
      "the gateway has POST /v1/chat/completions, POST /v1/feedback, GET /v1/models, GET /v1/decisions/ID and GET /healthz";
    return answerError(new TuttiError("ROUTE_NOT_FOUND", message, { hint }), context);
  });
}
