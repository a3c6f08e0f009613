/** Prompts without answers: rows of a prompt, and the questions of GSM8K and HumanEval with what checks answers. */
import type { JsonObject } from "../store/rows.ts";
import { exchangeOf, messagesJson, messagesOf, singleText, userMessage } from "./conversation.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup } from "./format.ts";
import { type PromptParts, promptRow } from "./rows.ts";

/** A group of one prompt, whose id may not come twice. */
function promptGroup(row: Fields, context: ReadContext, idField: string, parts: PromptParts): RowGroup {
  if (parts.id !== undefined) context.references.once("prompt", [parts.id], row.place, idField);
  return { place: row.place, prompts: [promptRow(context, parts)], responses: [], judgements: [] };
}

const FIELDS = ["id", "prompt", "messages", "domain", "benchmark", "split", "reference"];

function readPrompt(row: Fields, context: ReadContext): RowGroup {
  const isText = typeof row.get("prompt") === "string";
  const field = row.has("prompt") ? "prompt" : "messages";
  const messages = isText ? userMessage(row.words("prompt")) : messagesOf(row, field);
  return promptGroup(row, context, "id", {
    id: row.has("id") ? row.identifier("id") : undefined,
    messages: exchangeOf(messages, row, field).prompt,
    domain: row.optionalText("domain") ?? row.optionalText("benchmark"),
    split: row.optionalText("split"),
    reference: row.optionalObject("reference")?.value,
    extra: row.rest(FIELDS),
  });
}

function* writePrompt({ prompt }: PromptEntry): Generator<JsonObject> {
  const text = singleText(prompt.messages);
  yield {
    ...prompt.extra,
    id: prompt.id,
    domain: prompt.domain,
    ...(prompt.split !== undefined && { split: prompt.split }),
    prompt: text ?? messagesJson(prompt.messages),
    ...(prompt.reference !== undefined && { reference: prompt.reference }),
  };
}

export const prompts: Format = {
  name: "prompts",
  summary: "prompts alone: prompt (text or messages), and if known id, domain, split, reference",
  recognises: (row) =>
    "prompt" in row &&
    [
      "candidates",
      "chosen",
      "rejected",
      "completion",
      "uid",
      "entry_point",
      "sample_id",
      "kind",
      "response",
    ].every((name) => !(name in row)) &&
    Object.keys(row).every((name) => !name.endsWith("|model_response")) &&
    ("id" in row || "domain" in row || Object.keys(row).length === 1 || "reference" in row),
  read: readPrompt,
  writer: {
    columns: () => [
      { name: "id", type: "text" },
      { name: "domain", type: "text" },
      { name: "split", type: "text" },
      { name: "prompt", type: "json" },
      { name: "reference", type: "json" },
    ],
    rows: writePrompt,
  },
};

/** The number after "####", without thousands separators. */
function finalAnswer(row: Fields): string {
  const found = /####\s*(.+?)\s*$/.exec(row.text("answer"))?.[1];
  if (found !== undefined) return found.replaceAll(",", "");
  throw row.problem("answer", 'a solution that ends in "#### ANSWER"', "check which format the file has");
}

export const gsm8k: Format = {
  name: "gsm8k",
  summary: "GSM8K questions: question, answer (a solution that ends in #### and the number)",
  recognises: ({ question, answer }) =>
    typeof question === "string" && typeof answer === "string" && answer.includes("####"),
  read: (row, context) =>
    promptGroup(row, context, "idx", {
      ...(row.has("idx") && { id: `gsm8k-${row.identifier("idx")}` }),
      messages: userMessage(row.words("question")),
      domain: "GSM8k",
      reference: { answer: finalAnswer(row), solution: row.text("answer") },
    }),
};

export const humanEval: Format = {
  name: "humaneval",
  summary: "HumanEval tasks: task_id, prompt, entry_point, test",
  recognises: (row) => "task_id" in row && "entry_point" in row && "test" in row,
  read: (row, context) =>
    promptGroup(row, context, "task_id", {
      id: row.identifier("task_id"),
      messages: userMessage(row.words("prompt")),
      domain: "HumanEval",
      reference: {
        tests: row.words("test"),
        entryPoint: row.words("entry_point"),
        ...(row.has("canonical_solution") && { solution: row.text("canonical_solution") }),
      },
    }),
};
