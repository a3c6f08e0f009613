/** Rows of the store as they are, with a field `kind`: nothing is lost, and every key is checked when they come back. */

import { judgementKey, promptKey, responseKey, selectionKey } from "../store/keys.ts";
import type {
  JsonObject,
  JudgementRow,
  PromptRow,
  ResponseRow,
  ResponseStatus,
  SelectionRow,
} from "../store/rows.ts";
import { RESPONSE_STATUSES } from "../store/rows.ts";
import { messagesOf } from "./conversation.ts";
import type { Fields } from "./fields.ts";
import type { Column, Format, PromptEntry, ReadContext, RowGroup } from "./format.ts";

const KINDS = ["prompt", "response", "judgement", "selection"];

function checkedKey(row: Fields, expected: string): string {
  const key = row.words("key");
  if (key === expected) return key;
  throw row.problem(
    "key",
    expected,
    "the key is a digest of the row: the row was changed after it was written",
  );
}

function readPrompt(row: Fields): PromptRow {
  const messages = messagesOf(row, "messages");
  const reference = row.optionalObject("reference")?.value;
  const split = row.optionalText("split");
  const revision = row.optionalText("sourceRevision");
  const extra = row.optionalObject("extra")?.value;
  return {
    key: checkedKey(row, promptKey(reference === undefined ? { messages } : { messages, reference })),
    id: row.words("id"),
    messages,
    domain: row.words("domain"),
    ...(split !== undefined && { split }),
    source: row.words("source"),
    ...(revision !== undefined && { sourceRevision: revision }),
    ...(reference !== undefined && { reference }),
    ...(extra !== undefined && { extra }),
    createdAt: time(row),
  };
}

function time(row: Fields): string {
  const text = row.words("createdAt");
  if (!Number.isNaN(Date.parse(text))) return text;
  throw row.problem("createdAt", "a time in ISO 8601", "write times as 2026-01-31T12:00:00.000Z");
}

function statusOf(row: Fields): ResponseStatus {
  const status = row.words("status") as ResponseStatus;
  if (RESPONSE_STATUSES.includes(status)) return status;
  throw row.problem("status", `one of ${RESPONSE_STATUSES.join(", ")}`, "check what wrote the file");
}

function readResponse(row: Fields): ResponseRow {
  const identity = {
    promptKey: row.words("promptKey"),
    model: row.words("model"),
    modelRevision: row.text("modelRevision"),
    template: row.text("template"),
    parameters: row.object("parameters").value,
    seedIndex: row.count("seedIndex"),
  };
  const numbers = ["promptTokens", "completionTokens", "costUsd", "latencyMs", "logProbability"].flatMap(
    (name) => (row.has(name) ? [[name, row.number(name)] as const] : []),
  );
  const finishReason = row.optionalText("finishReason");
  const error = row.optionalObject("error");
  return {
    key: checkedKey(row, responseKey(identity)),
    ...identity,
    text: row.text("text"),
    status: statusOf(row),
    ...(finishReason !== undefined && { finishReason }),
    ...(Object.fromEntries(numbers) as Partial<ResponseRow>),
    ...(error !== undefined && { error: { code: error.text("code"), message: error.text("message") } }),
    source: row.words("source"),
    createdAt: time(row),
  };
}

function readJudgement(row: Fields): JudgementRow {
  const rivalKey = row.optionalText("rivalKey");
  const costUsd = row.optionalNumber("costUsd");
  const identity = {
    responseKey: row.words("responseKey"),
    ...(rivalKey !== undefined && { rivalKey }),
    judge: row.words("judge"),
    judgeVersion: row.text("judgeVersion"),
  };
  return {
    key: checkedKey(row, judgementKey(identity)),
    ...identity,
    score: row.has("score") ? row.number("score") : null,
    verdict: row.text("verdict"),
    explanation: row.optionalObject("explanation")?.value ?? {},
    ...(costUsd !== undefined && { costUsd }),
    source: row.words("source"),
    createdAt: time(row),
  };
}

function readSelection(row: Fields): SelectionRow {
  const [responseKeyGiven, rejectedKey] = [row.optionalText("responseKey"), row.optionalText("rejectedKey")];
  const identity = {
    selector: row.words("selector"),
    options: row.optionalObject("options")?.value ?? {},
    promptKey: row.words("promptKey"),
    ...(responseKeyGiven !== undefined && { responseKey: responseKeyGiven }),
    ...(rejectedKey !== undefined && { rejectedKey }),
  };
  const isKept = row.get("isKept");
  if (typeof isKept !== "boolean") throw row.problem("isKept", "true or false", "check what wrote the file");
  return {
    key: checkedKey(row, selectionKey(identity)),
    ...identity,
    isKept,
    reason: row.text("reason"),
    createdAt: time(row),
  };
}

const NOTHING = { prompts: [], responses: [], judgements: [] } as const;

const COLUMNS: readonly Column[] = [
  { name: "kind", type: "text" },
  { name: "key", type: "text" },
  { name: "id", type: "text" },
  { name: "messages", type: "messages" },
  { name: "domain", type: "text" },
  { name: "split", type: "text" },
  { name: "source", type: "text" },
  { name: "sourceRevision", type: "text" },
  { name: "reference", type: "json" },
  { name: "extra", type: "json" },
  { name: "createdAt", type: "text" },
  { name: "promptKey", type: "text" },
  { name: "model", type: "text" },
  { name: "modelRevision", type: "text" },
  { name: "template", type: "text" },
  { name: "parameters", type: "json" },
  { name: "seedIndex", type: "count" },
  { name: "text", type: "text" },
  { name: "status", type: "text" },
  { name: "finishReason", type: "text" },
  { name: "promptTokens", type: "number" },
  { name: "completionTokens", type: "number" },
  { name: "costUsd", type: "number" },
  { name: "latencyMs", type: "number" },
  { name: "logProbability", type: "number" },
  { name: "error", type: "json" },
  { name: "responseKey", type: "text" },
  { name: "rivalKey", type: "text" },
  { name: "judge", type: "text" },
  { name: "judgeVersion", type: "text" },
  { name: "score", type: "number" },
  { name: "verdict", type: "text" },
  { name: "explanation", type: "json" },
  { name: "selector", type: "text" },
  { name: "options", type: "json" },
  { name: "rejectedKey", type: "text" },
  { name: "isKept", type: "flag" },
  { name: "reason", type: "text" },
];

function read(row: Fields, { references }: ReadContext): RowGroup {
  const kind = row.words("kind");
  if (!KINDS.includes(kind))
    throw row.problem("kind", `one of ${KINDS.join(", ")}`, "check what wrote the file");
  references.once(`row ${kind}`, [row.words("key")], row.place, "key");
  switch (kind) {
    case "prompt":
      return { place: row.place, ...NOTHING, prompts: [readPrompt(row)] };
    case "response":
      return { place: row.place, ...NOTHING, responses: [readResponse(row)] };
    case "judgement":
      return { place: row.place, ...NOTHING, judgements: [readJudgement(row)] };
    default:
      return { place: row.place, ...NOTHING, selections: [readSelection(row)] };
  }
}

function* write({ prompt, responses, judgements, selections = [] }: PromptEntry): Generator<JsonObject> {
  yield { kind: "prompt", ...prompt } as unknown as JsonObject;
  for (const row of responses) yield { kind: "response", ...row } as unknown as JsonObject;
  for (const row of judgements) yield { kind: "judgement", ...row } as unknown as JsonObject;
  for (const row of selections) yield { kind: "selection", ...row } as unknown as JsonObject;
}

export const storeRows: Format = {
  name: "rows",
  summary: "rows of the store as they are, each with its kind: nothing is lost",
  recognises: (row) => typeof row.kind === "string" && KINDS.includes(row.kind) && "key" in row,
  read,
  writer: { columns: () => COLUMNS, rows: write },
};
