/** LLaMA-Factory's alpaca rows: instruction, input, output, system, history; with chosen and rejected they are its ranking rows. */
import type { ChatMessage } from "../record.ts";
import type { Json, JsonObject } from "../store/rows.ts";
import { answersOf, pairsOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { pairGroup } from "./preference.ts";
import { type PromptParts, promptRow, responseRow } from "./rows.ts";

const FIELDS = ["instruction", "input", "output", "system", "history", "chosen", "rejected"];

function historyOf(row: Fields): ChatMessage[] {
  // A table has no lists: an empty cell is none.
  if (!row.has("history") || row.get("history") === "") return [];
  return row.list("history").flatMap((turn: Json): ChatMessage[] => {
    const [question, answer] = Array.isArray(turn) ? (turn as readonly Json[]) : [];
    if (typeof question === "string" && typeof answer === "string") {
      return [
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ];
    }
    throw row.problem("history", "a list of [question, answer]", "give every earlier turn as two texts");
  });
}

/** Instruction and input are one message, a line apart, as LLaMA-Factory joins them. */
function promptParts(row: Fields): PromptParts {
  const input = row.optionalText("input") ?? "";
  const instruction = row.text("instruction");
  const question = input === "" ? instruction : `${instruction}\n${input}`;
  if (question.trim() === "")
    throw row.problem("instruction", "text that is not blank", "give the question, or leave the row out");
  const system = row.optionalText("system") ?? "";
  return {
    messages: [
      ...(system === "" ? [] : [{ role: "system", content: system } as const]),
      ...historyOf(row),
      { role: "user", content: question },
    ],
    extra: row.rest(FIELDS),
  };
}

/** The fields of a conversation; undefined where it is none that they can say. */
export function alpacaFields(messages: readonly ChatMessage[]): JsonObject | undefined {
  const system = messages[0]?.role === "system" ? messages[0].content : undefined;
  const turns = system === undefined ? messages : messages.slice(1);
  const isAlternating =
    turns.length % 2 === 1 && turns.every(({ role }, at) => role === (at % 2 ? "assistant" : "user"));
  if (!isAlternating) return undefined;
  const history = [];
  for (let at = 0; at + 1 < turns.length; at += 2) history.push([turns[at]!.content, turns[at + 1]!.content]);
  return {
    instruction: turns.at(-1)!.content,
    input: "",
    ...(system !== undefined && { system }),
    ...(history.length > 0 && { history }),
  };
}

function read(row: Fields, context: ReadContext): RowGroup {
  const prompt = promptRow(context, promptParts(row));
  const response = responseRow(context, prompt.key, { model: context.model, text: row.text("output") });
  return { place: row.place, prompts: [prompt], responses: [response], judgements: [] };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const fields = alpacaFields(entry.prompt.messages);
  if (fields === undefined) return;
  for (const { text } of answersOf(entry, options)) yield { ...fields, output: text };
}

const COMMON = [
  { name: "instruction", type: "text" },
  { name: "input", type: "text" },
] as const;

export const alpaca: Format = {
  name: "alpaca",
  summary: "LLaMA-Factory's alpaca rows: instruction, input, output, system, history",
  recognises: (row) =>
    "instruction" in row && "output" in row && !("generator" in row) && !("completions" in row),
  read,
  writer: {
    columns: () => [
      ...COMMON,
      { name: "output", type: "text" },
      { name: "system", type: "text" },
      { name: "history", type: "json" },
    ],
    rows: write,
  },
};

function* writeRanking(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const fields = alpacaFields(entry.prompt.messages);
  if (fields === undefined) return;
  for (const { chosen, rejected } of pairsOf(entry, options)) {
    yield { ...fields, chosen: chosen.text, rejected: rejected.text };
  }
}

export const alpacaRanking: Format = {
  name: "alpaca-ranking",
  summary: "LLaMA-Factory's ranking rows: instruction, input, chosen, rejected",
  recognises: (row) => "instruction" in row && "chosen" in row && "rejected" in row,
  read: (row, context) =>
    pairGroup(row, context, promptParts(row), [row.text("chosen"), row.text("rejected")]),
  writer: {
    columns: () => [
      ...COMMON,
      { name: "chosen", type: "text" },
      { name: "rejected", type: "text" },
      { name: "system", type: "text" },
      { name: "history", type: "json" },
    ],
    rows: writeRanking,
  },
};
