/** Idempotent keys: SHA-256 over canonical JSON of what identifies a row, 32 hexadecimal digits. */
import { createHash } from "node:crypto";
import type { ChatMessage } from "../record.ts";
import type { Json, JudgementRow, PromptRow, ResponseRow, SelectionRow } from "./rows.ts";

const KEY_DIGITS = 32;

/** JSON with the keys of every object sorted and undefined members left out: equal values have equal texts. */
export function canonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value ?? null);
  const members = Object.entries(value as Record<string, Json | undefined>)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

function keyOf(kind: string, parts: readonly Json[]): string {
  return createHash("sha256")
    .update(`${kind}\n${canonicalJson(parts)}`)
    .digest("hex")
    .slice(0, KEY_DIGITS);
}

/**
 * Key of a prompt: its messages and what answers are checked against, since the same text with another reference is another
 * question.
 */
export function promptKey({ messages, reference }: Pick<PromptRow, "messages" | "reference">): string {
  const turns = messages.map(({ role, content }: ChatMessage) => [role, content]);
  return keyOf("prompt", [turns, reference ?? null]);
}

/** Key of a response: prompt, model and revision, template, sampling parameters, seed index. */
export function responseKey(
  row: Pick<ResponseRow, "promptKey" | "model" | "modelRevision" | "template" | "parameters" | "seedIndex">,
): string {
  const { promptKey: prompt, model, modelRevision, template, parameters, seedIndex } = row;
  return keyOf("response", [prompt, model, modelRevision, template, parameters, seedIndex]);
}

/** Key of a judgement: answer, other answer, judge and version. */
export function judgementKey(
  row: Pick<JudgementRow, "responseKey" | "rivalKey" | "judge" | "judgeVersion">,
): string {
  return keyOf("judgement", [row.responseKey, row.rivalKey ?? null, row.judge, row.judgeVersion]);
}

/** Key of a selection: selector and options, prompt, answer, rejected answer. */
export function selectionKey(
  row: Pick<SelectionRow, "selector" | "options" | "promptKey" | "responseKey" | "rejectedKey">,
): string {
  const { selector, options, promptKey: prompt, responseKey: response, rejectedKey } = row;
  return keyOf("selection", [selector, options, prompt, response ?? null, rejectedKey ?? null]);
}
