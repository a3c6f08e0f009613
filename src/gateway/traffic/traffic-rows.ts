/** One answered request as rows of the store: what was asked, what was answered, and how the model was chosen. */
import { createHash } from "node:crypto";
import {
  type ChatMessage,
  type Json,
  type JsonObject,
  type PromptRow,
  promptKey,
  type ResponseRow,
  type RowSet,
  responseKey,
  SERVED_SELECTOR,
  type SelectionRow,
  selectionKey,
} from "../../judged/index.ts";
import { withDefaults } from "../../pool/default-parameters.ts";
import { type ChatRequest, type ChatTurn, type PoolModel, turnText, type Usage } from "../../pool/index.ts";
import type { ResponseIdentity } from "../../pool/model-identity.ts";
import { outcomeOf } from "../../pool/sampling/outcome.ts";
import type { DecisionRecord } from "../decision-store.ts";

/** Source of the rows, and selector of the choices. */
export const GATEWAY_SOURCE: string = SERVED_SELECTOR;
/** Domain of prompts that the store does not have yet. */
export const TRAFFIC_DOMAIN = "traffic";

/** A request that was answered in full. */
export interface AnsweredRequest {
  readonly record: Pick<DecisionRecord, "id" | "timeMs" | "requestedModel" | "decision">;
  /** The id that the client got. */
  readonly completionId: string;
  readonly model: PoolModel;
  readonly request: ChatRequest;
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly usage: Usage;
  /** Of the model alone, without the routing. */
  readonly latencyMs: number;
}

/**
 * What of a request's fields is kept: those that shape the answer. Fields that Tutti does not know may hold anything, a client's
 * credentials among it.
 */
const KEPT_PARAMETERS: ReadonlySet<string> = new Set([
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
  "reasoning_effort",
]);

/**
 * The rows; undefined where the store has no form for the request: images, sounds, tools, several answers at once.
 *
 * A response's seed index is made of the decision's id, so that every answer is a sample of its own however often the same is asked.
 */
export function trafficRows(answered: AnsweredRequest, identity: ResponseIdentity): RowSet | undefined {
  const messages = chatMessages(answered.request);
  if (messages === undefined) return undefined;
  const createdAt = new Date(answered.record.timeMs).toISOString();
  const prompt: PromptRow = {
    key: promptKey({ messages }),
    id: answered.record.id,
    messages,
    domain: TRAFFIC_DOMAIN,
    source: GATEWAY_SOURCE,
    createdAt,
  };
  const response = responseOf(answered, identity, prompt);
  return { prompts: [prompt], responses: [response], selections: [selectionOf(answered, response)] };
}

function chatMessages({ messages, parameters }: ChatRequest): ChatMessage[] | undefined {
  const { n, tools } = parameters;
  const isPlain = (n ?? 1) === 1 && !(Array.isArray(tools) && tools.length > 0) && messages.every(isText);
  return isPlain ? messages.map((turn) => ({ role: roleOf(turn)!, content: turnText(turn) })) : undefined;
}

function isText(turn: ChatTurn): boolean {
  const { content } = turn;
  if (roleOf(turn) === undefined || turn.tool_calls) return false;
  return (
    typeof content === "string" || (Array.isArray(content) && content.every(({ type }) => type === "text"))
  );
}

function roleOf({ role }: ChatTurn): ChatMessage["role"] | undefined {
  if (role === "developer") return "system";
  return role === "system" || role === "user" || role === "assistant" ? role : undefined;
}

function responseOf(answered: AnsweredRequest, identity: ResponseIdentity, prompt: PromptRow): ResponseRow {
  const { model, request, record, text, finishReason, usage, latencyMs } = answered;
  const parameters = Object.fromEntries(
    Object.entries(withDefaults(model.parameters ?? {}, request.parameters)).filter(
      ([name, value]) => KEPT_PARAMETERS.has(name) && value !== null && value !== undefined,
    ),
  ) as JsonObject;
  const what = {
    promptKey: prompt.key,
    model: model.name,
    ...identity,
    parameters,
    seedIndex: seedIndexOf(record.id),
  };
  const choice = { message: { content: text }, finish_reason: finishReason };
  return {
    key: responseKey(what),
    ...what,
    ...outcomeOf({ choices: [choice], usage }, request.messages, model.pricing),
    latencyMs,
    source: GATEWAY_SOURCE,
    createdAt: prompt.createdAt,
  };
}

/** 31 bits, so that every database's integers hold it. */
function seedIndexOf(decision: string): number {
  return createHash("sha256").update(decision).digest().readUInt32BE(0) >>> 1;
}

function selectionOf(
  { record, completionId }: AnsweredRequest,
  { promptKey: prompt, key, createdAt }: ResponseRow,
): SelectionRow {
  const { id, requestedModel, decision } = record;
  const scores = decision.scores.map(
    ({ model, score, quality, excluded }): Json => ({
      model,
      score,
      ...(quality !== null && { quality }),
      ...(excluded !== null && { excluded }),
    }),
  );
  const what = {
    selector: GATEWAY_SOURCE,
    options: {
      decision: id,
      completion: completionId,
      requestedModel,
      ...(decision.router !== null && { router: decision.router }),
      ...(decision.policy !== null && { policy: JSON.parse(JSON.stringify(decision.policy)) as Json }),
      ...(scores.length > 0 && { scores }),
      explanation: decision.reason,
    },
    promptKey: prompt,
    responseKey: key,
  };
  return {
    key: selectionKey(what),
    ...what,
    isKept: true,
    reason: decision.isRouted ? "routed" : "named",
    createdAt,
  };
}
