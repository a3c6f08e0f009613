/**
 * Tables of router benchmarks, a prompt a row and columns a model. RouteLLM: `prompt`, MODEL (True, False or a score) and
 * MODEL_response. RouterBench: `sample_id`, `prompt`, `eval_name`, MODEL, MODEL|model_response, MODEL|total_cost. Models without an
 * answer column have a score only: their answer is empty text with the finish reason "not_recorded".
 */
import { TuttiError } from "../../support/errors.ts";
import type { Json, JsonObject, JudgementRow, PromptRow, ResponseRow } from "../store/rows.ts";
import { singleText, userMessage } from "./conversation.ts";
import { answersOf, scoresOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Column, Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, promptRow, responseRow, verdictOfScore } from "./rows.ts";

const RESPONSE = "_response";
const MODEL_RESPONSE = "|model_response";
const TOTAL_COST = "|total_cost";
const NOT_RECORDED = "not_recorded";

interface Cell {
  readonly model: string;
  readonly text: string | undefined;
  readonly costUsd?: number | undefined;
}

function tableGroup(row: Fields, context: ReadContext, prompt: PromptRow, cells: readonly Cell[]): RowGroup {
  const rows = cells.map(
    ({ model, text, costUsd }): { readonly response: ResponseRow; readonly judgement: JudgementRow } => {
      const score = row.score(model);
      const response = responseRow(context, prompt.key, {
        model,
        text: text ?? "",
        costUsd,
        ...(text === undefined && { finishReason: NOT_RECORDED, status: "ok" }),
      });
      return {
        response,
        judgement: judgementRow(context, response.key, { score, verdict: verdictOfScore(score) }),
      };
    },
  );
  return {
    place: row.place,
    prompts: [prompt],
    responses: rows.map(({ response }) => response),
    judgements: rows.map(({ judgement }) => judgement),
  };
}

/** A prompt that comes twice is one prompt; what it scored the second time has to be the same. */
function readRouteLlm(row: Fields, context: ReadContext): RowGroup {
  const prompt = promptRow(context, { messages: userMessage(row.words("prompt")) });
  const models = row.names().filter((name) => name !== "prompt" && !name.endsWith(RESPONSE));
  if (models.length === 0)
    throw row.problem("(row)", "a column for every model", "name columns after models", "prompts alone");
  const cells = models.map((model): Cell => {
    const column = `${model}${RESPONSE}`;
    return { model, text: row.has(column) ? row.text(column) : undefined };
  });
  return tableGroup(row, context, prompt, cells);
}

function readRouterBench(row: Fields, context: ReadContext): RowGroup {
  const id = row.identifier("sample_id");
  context.references.once("routerbench", [id], row.place, "sample_id");
  const models = row
    .names()
    .flatMap((name) =>
      [MODEL_RESPONSE, TOTAL_COST].flatMap((end) => (name.endsWith(end) ? [name.slice(0, -end.length)] : [])),
    );
  const known = [...new Set(models)];
  const columns = known.flatMap((model) => [model, model + MODEL_RESPONSE, model + TOTAL_COST]);
  const prompt = promptRow(context, {
    id,
    messages: userMessage(row.words("prompt")),
    domain: row.optionalText("eval_name"),
    extra: row.rest(["sample_id", "prompt", "eval_name", ...columns]),
  });
  const cells = known.map((model): Cell => {
    const [answer, cost] = [model + MODEL_RESPONSE, model + TOTAL_COST];
    return {
      model,
      text: row.has(answer) ? row.text(answer) : undefined,
      costUsd: row.has(cost) ? row.score(cost) : undefined,
    };
  });
  return tableGroup(row, context, prompt, cells);
}

function namedModels({ models }: WriteOptions): readonly string[] {
  if (models !== undefined && models.length > 0) return models;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    "models: received none, expected the models that are columns of the table",
    {
      hint: "name them, for instance --models small large",
    },
  );
}

interface TableRow {
  readonly prompt: string;
  readonly cells: readonly { readonly response: ResponseRow; readonly score: number }[];
}

/** Only prompts that every model answered, with a score. */
function tableRow(entry: PromptEntry, options: WriteOptions): TableRow | undefined {
  const prompt = singleText(entry.prompt.messages);
  const scores = scoresOf(entry, options);
  const answers = answersOf(entry, options).filter(({ key }) => scores.has(key));
  const cells = namedModels(options).flatMap((name) => {
    const response = answers.find(({ model }) => model === name);
    return response === undefined ? [] : [{ response, score: scores.get(response.key)!.score! }];
  });
  return prompt === undefined || cells.length < namedModels(options).length ? undefined : { prompt, cells };
}

function* writeRouteLlm(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const row = tableRow(entry, options);
  if (row === undefined) return;
  const truth = (score: number): Json => (score === 1 ? "True" : score === 0 ? "False" : score);
  const answered = row.cells.filter(({ response }) => response.finishReason !== NOT_RECORDED);
  yield {
    prompt: row.prompt,
    ...Object.fromEntries(row.cells.map(({ response, score }) => [response.model, truth(score)])),
    ...Object.fromEntries(answered.map(({ response }) => [`${response.model}${RESPONSE}`, response.text])),
  };
}

function* writeRouterBench(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const row = tableRow(entry, options);
  if (row === undefined) return;
  const cells = row.cells.flatMap(({ response, score }): [string, Json][] => [
    [response.model, score],
    [response.model + MODEL_RESPONSE, response.text],
    [response.model + TOTAL_COST, response.costUsd ?? 0],
  ]);
  yield {
    sample_id: entry.prompt.id,
    prompt: row.prompt,
    eval_name: entry.prompt.domain,
    ...Object.fromEntries(cells),
  };
}

const isScore = (value: Json | undefined): boolean =>
  typeof value === "boolean" ||
  typeof value === "number" ||
  (typeof value === "string" && /^\s*(true|false|[-+]?\d+(\.\d*)?(e[-+]?\d+)?)\s*$/i.test(value));

const FOREIGN = [
  "id",
  "label",
  "candidates",
  "domain",
  "split",
  "sample_id",
  "uid",
  "question_id",
  "messages",
  "chosen",
  "completion",
];

export const routeLlm: Format = {
  name: "routellm",
  summary: "RouteLLM tables: prompt, a column a model with True, False or a score, MODEL_response",
  recognises: (row) => {
    const columns = Object.keys(row).filter((name) => name !== "prompt" && !name.endsWith(RESPONSE));
    return (
      typeof row.prompt === "string" &&
      columns.length > 0 &&
      columns.every((name) => !FOREIGN.includes(name) && isScore(row[name]))
    );
  },
  read: readRouteLlm,
  writer: {
    columns: (options): readonly Column[] => [
      { name: "prompt", type: "text" },
      ...namedModels(options).map((name): Column => ({ name, type: "json" })),
      ...namedModels(options).map((name): Column => ({ name: `${name}${RESPONSE}`, type: "text" })),
    ],
    rows: writeRouteLlm,
  },
};

export const routerBench: Format = {
  name: "routerbench",
  summary: "RouterBench tables: sample_id, prompt, eval_name, MODEL, MODEL|model_response, MODEL|total_cost",
  recognises: (row) =>
    "sample_id" in row &&
    Object.keys(row).some((name) => name.endsWith(MODEL_RESPONSE) || name.endsWith(TOTAL_COST)),
  read: readRouterBench,
  writer: {
    columns: (options): readonly Column[] => [
      { name: "sample_id", type: "text" },
      { name: "prompt", type: "text" },
      { name: "eval_name", type: "text" },
      ...namedModels(options).flatMap((name): Column[] => [
        { name, type: "number" },
        { name: name + MODEL_RESPONSE, type: "text" },
        { name: name + TOTAL_COST, type: "number" },
      ]),
    ],
    rows: writeRouterBench,
  },
};
