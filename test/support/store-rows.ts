/** Rows for tests of the store. */
import {
  type JudgementRow,
  judgementKey,
  type PromptRow,
  promptKey,
  type ResponseRow,
  responseKey,
  type SelectionRow,
  selectionKey,
} from "../../src/judged/index.ts";

const WHEN = "2026-01-02T03:04:05.000Z";

export function promptRow(number: number, fields: Partial<PromptRow> = {}): PromptRow {
  const row = {
    id: `p-${number}`,
    messages: [{ role: "user", content: `What is ${number} plus ${number}?` }],
    domain: "sums",
    source: "prompts.jsonl",
    createdAt: WHEN,
    ...fields,
  } as const;
  return { key: promptKey(row), ...row };
}

export function responseRow(prompt: PromptRow, fields: Partial<ResponseRow> = {}): ResponseRow {
  const row = {
    promptKey: prompt.key,
    model: "small",
    modelRevision: "1",
    template: "provider",
    parameters: { temperature: 0 },
    seedIndex: 0,
    text: `the answer to ${prompt.id}`,
    status: "ok",
    source: "sample",
    createdAt: WHEN,
    ...fields,
  } as const;
  return { key: responseKey(row), ...row };
}

export function judgementRow(response: ResponseRow, fields: Partial<JudgementRow> = {}): JudgementRow {
  const row = {
    responseKey: response.key,
    judge: "exact",
    judgeVersion: "1",
    score: 1,
    verdict: "correct",
    explanation: { extracted: "4" },
    source: "judge",
    createdAt: WHEN,
    ...fields,
  } as const;
  return { key: judgementKey(row), ...row };
}

export function selectionRow(prompt: PromptRow, fields: Partial<SelectionRow> = {}): SelectionRow {
  const row = {
    selector: "best",
    options: { gap: 0.1 },
    promptKey: prompt.key,
    isKept: true,
    reason: "best",
    createdAt: WHEN,
    ...fields,
  } as const;
  return { key: selectionKey(row), ...row };
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
