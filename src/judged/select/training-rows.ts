/** Selected rows as lines of training files, each with the lineage of its answers. */
import { type ChatMessage, promptText } from "../record.ts";
import type { JsonObject } from "../store/rows.ts";
import type { GroupedAnswer } from "./group.ts";
import type { SelectedRow, Selection } from "./selector.ts";

/**
 * - `trl`: conversational form, `messages`, or `prompt`, `chosen` and `rejected`
 * - `alpaca`: LLaMA-Factory's instruction, input, output; ranking with chosen and rejected texts
 * - `sharegpt`: LLaMA-Factory's conversations of human and gpt; ranking with chosen and rejected turns
 */
export const TRAINING_FORMATS = ["trl", "alpaca", "sharegpt"] as const;
export type TrainingFormat = (typeof TRAINING_FORMATS)[number];

type Selector = Selection["selector"];

function answerLineage({ key, source, score, isCorrect, tokens }: GroupedAnswer): JsonObject {
  return {
    response: key,
    source,
    score,
    ...(isCorrect !== null && { correct: isCorrect }),
    ...(tokens !== undefined && { tokens }),
  };
}

/** Where a row comes from: prompt, answers with their sources and scores, selector and the reason it gave. */
export function lineageOf(
  { group, answer, rejected, sourceChosen, reason }: SelectedRow,
  selector: Selector,
): JsonObject {
  return {
    prompt: group.promptKey,
    id: group.id,
    domain: group.domain,
    selector: selector.name,
    options: selector.options,
    reason,
    answer: answerLineage(answer),
    ...(rejected && { rejected: answerLineage(rejected) }),
    ...(sourceChosen && { sourceChosen: answerLineage(sourceChosen) }),
  };
}

const assistant = (content: string) => [{ role: "assistant", content }];

const turns = (messages: readonly ChatMessage[]) => messages.map(({ role, content }) => ({ role, content }));

function trlRow({ group, answer, rejected, sourceChosen }: SelectedRow): JsonObject {
  const prompt = turns(group.messages);
  if (rejected === undefined) return { messages: [...prompt, ...assistant(answer.text)] };
  return {
    prompt,
    chosen: assistant(answer.text),
    rejected: assistant(rejected.text),
    ...(sourceChosen && { source_chosen: assistant(sourceChosen.text) }),
  };
}

/** System text, earlier exchanges and the last user message, as alpaca rows hold them. */
function alpacaPrompt(messages: readonly ChatMessage[]): JsonObject {
  const system = promptText(messages.filter(({ role }) => role === "system"));
  const spoken = messages.filter(({ role }) => role !== "system");
  const history: [string, string][] = [];
  let asked: string[] = [];
  for (const { role, content } of spoken) {
    if (role === "user") asked.push(content);
    else {
      history.push([asked.join("\n\n"), content]);
      asked = [];
    }
  }
  return {
    instruction: asked.join("\n\n"),
    input: "",
    // LLaMA-Factory asks every row for the columns that dataset_info.json names.
    system,
    history,
  };
}

function alpacaRow({ group, answer, rejected }: SelectedRow): JsonObject {
  const prompt = alpacaPrompt(group.messages);
  if (rejected === undefined) return { ...prompt, output: answer.text };
  return { ...prompt, chosen: answer.text, rejected: rejected.text };
}

const SPEAKERS = { system: "system", user: "human", assistant: "gpt" } as const;

function sharegptRow({ group, answer, rejected }: SelectedRow): JsonObject {
  const conversations = group.messages.map(({ role, content }) => ({ from: SPEAKERS[role], value: content }));
  const said = ({ text }: GroupedAnswer) => ({ from: "gpt", value: text });
  if (rejected === undefined) return { conversations: [...conversations, said(answer)] };
  return { conversations, chosen: said(answer), rejected: said(rejected) };
}

const ROWS: Readonly<Record<TrainingFormat, (row: SelectedRow) => JsonObject>> = {
  trl: trlRow,
  alpaca: alpacaRow,
  sharegpt: sharegptRow,
};

/** One line of a training file as an object; `lineage` is a column that trainers ignore. */
export function trainingRow(row: SelectedRow, selector: Selector, format: TrainingFormat): JsonObject {
  return { ...ROWS[format](row), lineage: lineageOf(row, selector) };
}

/** The whole file as JSON lines, made one line at a time. */
export function* trainingLines({ rows, selector }: Selection, format: TrainingFormat): Generator<string> {
  for (const row of rows) yield `${JSON.stringify(trainingRow(row, selector, format))}\n`;
}

/** The entry of dataset_info.json with which LLaMA-Factory reads the file; TRL needs none. */
export function datasetInfo(
  fileName: string,
  format: Exclude<TrainingFormat, "trl">,
  gives: Selector["gives"],
): JsonObject {
  const ranking = gives === "pairs" ? { ranking: true } : {};
  const pair = gives === "pairs" ? { chosen: "chosen", rejected: "rejected" } : {};
  if (format === "alpaca") {
    const columns = { prompt: "instruction", query: "input", system: "system", history: "history" };
    const answer = gives === "pairs" ? pair : { response: "output" };
    return { file_name: fileName, ...ranking, columns: { ...columns, ...answer } };
  }
  const tags = { content_tag: "value", user_tag: "human", assistant_tag: "gpt", role_tag: "from" };
  return {
    file_name: fileName,
    formatting: "sharegpt",
    ...ranking,
    columns: { messages: "conversations", ...pair },
    tags: { ...tags, system_tag: "system" },
  };
}
