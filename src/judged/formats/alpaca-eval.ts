/**
 * AlpacaEval's files: outputs of one model, and annotations that compare two. The `preference` of an annotation is 1 where the first
 * output is better, 2 where the second is, and between them where the judge's log-probabilities were weighed; the score is that of
 * the second output, which is the model under test: preference - 1.
 */
import type { JsonObject } from "../store/rows.ts";
import { singleText, userMessage } from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, promptRow, responseRow } from "./rows.ts";

const BENCHMARK = "AlpacaEval";

function promptOf(row: Fields, context: ReadContext): RowGroup["prompts"][number] {
  const dataset = row.optionalText("dataset");
  return promptRow(context, {
    messages: userMessage(row.words("instruction")),
    domain: BENCHMARK,
    ...(dataset !== undefined && { extra: { dataset } }),
  });
}

function readOutput(row: Fields, context: ReadContext): RowGroup {
  const prompt = promptOf(row, context);
  const model = row.words("generator");
  context.references.once("alpaca-eval output", [prompt.key, model], row.place, "instruction, generator");
  const response = responseRow(context, prompt.key, { model, text: row.text("output") });
  return { place: row.place, prompts: [prompt], responses: [response], judgements: [] };
}

function preferenceOf(row: Fields): number | null {
  if (!row.has("preference")) return null;
  const preference = row.number("preference");
  // Releases before 2.0 wrote 0 for a tie.
  if (preference === 0) return 0.5;
  if (preference >= 1 && preference <= 2) return preference - 1;
  throw row.problem("preference", "a number from 1 to 2, or null", "check what wrote the file");
}

function readAnnotation(row: Fields, context: ReadContext): RowGroup {
  const prompt = promptOf(row, context);
  const [reference, model] = [row.words("generator_1"), row.words("generator_2")];
  const judge = row.optionalText("annotator") ?? context.judge;
  context.references.once(
    "alpaca-eval annotation",
    [prompt.key, reference, model, judge],
    row.place,
    "instruction, generator_2",
  );
  const baseline = responseRow(context, prompt.key, { model: reference, text: row.text("output_1") });
  const answer = responseRow(context, prompt.key, { model, text: row.text("output_2") });
  if (answer.key === baseline.key) {
    throw row.problem(
      "output_2",
      "another output than the first",
      "an answer cannot be compared with itself",
      "the same text of the same model",
    );
  }
  const score = preferenceOf(row);
  const judgement = judgementRow(context, answer.key, {
    judge,
    judgeVersion: BENCHMARK,
    rivalKey: baseline.key,
    score,
    verdict: score === null ? "judge_failed" : score > 0.5 ? "better" : score < 0.5 ? "worse" : "tie",
    explanation: row.rest([
      "instruction",
      "output_1",
      "output_2",
      "generator_1",
      "generator_2",
      "annotator",
      "preference",
      "dataset",
      "datasplit",
    ]),
  });
  return { place: row.place, prompts: [prompt], responses: [baseline, answer], judgements: [judgement] };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const instruction = singleText(entry.prompt.messages);
  if (instruction === undefined) return;
  const dataset = entry.prompt.extra?.dataset ?? entry.prompt.domain;
  for (const { model, text } of answersOf(entry, options)) {
    yield { dataset, instruction, output: text, generator: model };
  }
}

export const alpacaEvalOutput: Format = {
  name: "alpaca-eval-output",
  summary: "AlpacaEval outputs of one model: instruction, output, generator",
  recognises: (row) => "instruction" in row && "output" in row && "generator" in row,
  read: readOutput,
  writer: {
    columns: () => [
      { name: "dataset", type: "text" },
      { name: "instruction", type: "text" },
      { name: "output", type: "text" },
      { name: "generator", type: "text" },
    ],
    rows: write,
  },
};

export const alpacaEvalAnnotation: Format = {
  name: "alpaca-eval-annotation",
  summary: "AlpacaEval comparisons: output_1, output_2, generator_1, generator_2, preference",
  recognises: (row) => "output_1" in row && "output_2" in row && "generator_2" in row,
  read: readAnnotation,
};
