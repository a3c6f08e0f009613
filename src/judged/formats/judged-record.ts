/**
 * Judged records, the format of Tutti's routers: a prompt with every candidate's answer and score. Written ones also hold how
 * answers were sampled, so that they keep their keys. Rows whose candidates have scores and no answers, as router benchmarks
 * publish them, are read too.
 */
import { describeReceived } from "../place.ts";
import type { JsonObject, JudgementRow, PromptRow, ResponseRow } from "../store/rows.ts";
import { validateRecord } from "../validate.ts";
import { messagesJson, messagesOf, singleText, userMessage } from "./conversation.ts";
import { answersOf, scoresOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import {
  isRecordedSampling,
  judgementRow,
  promptRow,
  recordedSampling,
  responseRow,
  type Sampling,
  verdictOfScore,
} from "./rows.ts";

const ROW_FIELDS = ["id", "benchmark", "split", "prompt", "candidates", "reference", "tests", "entry_point"];
const ANSWER_FIELDS = [
  "response",
  "responses",
  "score",
  "samples",
  "tokens",
  "input_tokens",
  "output_tokens",
  "cost",
  "latency_ms",
  "finish_reason",
  "sampling",
  "verdict",
];

/** What verifiers need, under the names that they look for. */
function referenceOf(row: Fields): JsonObject | undefined {
  const given = row.get("reference");
  const own = typeof given === "object" && !Array.isArray(given) ? (given as JsonObject) : undefined;
  const reference: JsonObject = {
    ...own,
    ...(own === undefined && given !== undefined && { answer: given }),
    ...(row.has("tests") && { tests: row.get("tests")! }),
    ...(row.has("entry_point") && { entryPoint: row.get("entry_point")! }),
  };
  return Object.keys(reference).length === 0 ? undefined : reference;
}

function samplingOf(answer: Fields, text: string, index: number): Sampling {
  const given = answer.optionalObject("sampling");
  if (given === undefined) return recordedSampling(text, index);
  return {
    revision: given.text("revision"),
    template: given.text("template"),
    parameters: given.object("parameters").value,
    seedIndex: given.count("seed_index"),
  };
}

interface Answer {
  readonly response: ResponseRow;
  readonly judgement: JudgementRow;
}

function readAnswer(
  context: ReadContext,
  prompt: PromptRow,
  model: string,
  answer: Fields,
  index: number,
): Answer {
  const score = answer.score("score");
  // Of conversations of several turns, the prompt is the first question and the answer the first answer.
  const [firstTurn] = answer.has("responses") ? answer.texts("responses") : [];
  const hasText = answer.has("response") || firstTurn !== undefined;
  const text = answer.has("response") ? answer.text("response") : (firstTurn ?? "");
  const response = responseRow(context, prompt.key, {
    model,
    text,
    sampling: samplingOf(answer, text, index),
    finishReason: answer.optionalText("finish_reason") ?? (hasText ? undefined : "not_recorded"),
    status: hasText ? undefined : "ok",
    promptTokens: answer.optionalNumber("input_tokens"),
    completionTokens: answer.optionalNumber("tokens") ?? answer.optionalNumber("output_tokens"),
    costUsd: answer.optionalNumber("cost"),
    latencyMs: answer.optionalNumber("latency_ms"),
  });
  const judgement = judgementRow(context, response.key, {
    score,
    verdict: answer.optionalText("verdict") ?? verdictOfScore(score),
    explanation: answer.rest(ANSWER_FIELDS),
  });
  return { response, judgement };
}

/** A candidate's answers: its samples where it has some. */
function readCandidate(context: ReadContext, prompt: PromptRow, model: string, candidate: Fields): Answer[] {
  const samples = candidate.has("samples") ? candidate.objects("samples") : [candidate];
  return samples.map((sample, index) => readAnswer(context, prompt, model, sample, index));
}

function read(row: Fields, context: ReadContext): RowGroup {
  const candidates = row.object("candidates");
  const names = candidates.names();
  const isTextless = names.length > 0 && names.every((name) => !candidates.object(name).has("response"));
  if (!isTextless) validateRecord(row.rest([]), row.place);
  const id = row.words("id");
  context.references.once("record", [id], row.place, "id");
  if (names.length === 0) {
    throw row.problem(
      "candidates",
      "at least one model",
      "sample and judge answers first",
      describeReceived(candidates.value),
    );
  }
  const prompt = promptRow(context, {
    id,
    messages:
      typeof row.get("prompt") === "string" ? userMessage(row.words("prompt")) : messagesOf(row, "prompt"),
    domain: row.optionalText("benchmark"),
    split: row.optionalText("split"),
    reference: referenceOf(row),
    extra: row.rest(ROW_FIELDS),
  });
  const answers = names.flatMap((name) => readCandidate(context, prompt, name, candidates.object(name)));
  return {
    place: row.place,
    prompts: [prompt],
    responses: answers.map(({ response }) => response),
    judgements: answers.map(({ judgement }) => judgement),
  };
}

function writeAnswer(response: ResponseRow, { score, verdict, explanation }: JudgementRow): JsonObject {
  const { promptTokens, completionTokens, costUsd, latencyMs, finishReason, status } = response;
  const extras = Object.entries(explanation).filter(([name]) => !ANSWER_FIELDS.includes(name));
  const isTextless = response.text === "" && status === "ok";
  return {
    ...Object.fromEntries(extras),
    ...(!isTextless && { response: response.text }),
    score,
    ...(verdict !== verdictOfScore(score ?? Number.NaN) && { verdict }),
    ...(completionTokens !== undefined && { tokens: completionTokens }),
    ...(promptTokens !== undefined && { input_tokens: promptTokens }),
    ...(costUsd !== undefined && { cost: costUsd }),
    ...(latencyMs !== undefined && { latency_ms: latencyMs }),
    ...(finishReason !== undefined && !isTextless && { finish_reason: finishReason }),
    ...(!isRecordedSampling(response) && {
      sampling: {
        revision: response.modelRevision,
        template: response.template,
        parameters: response.parameters,
        seed_index: response.seedIndex,
      },
    }),
  };
}

function writeCandidate(answers: readonly JsonObject[]): JsonObject {
  if (answers.length === 1) return answers[0]!;
  const mean = answers.reduce((sum, { score }) => sum + (score as number), 0) / answers.length;
  return { response: answers[0]!.response ?? "", score: mean, samples: answers };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const scores = scoresOf(entry, options);
  const byModel = new Map<string, JsonObject[]>();
  for (const response of answersOf(entry, options)) {
    const judgement = scores.get(response.key);
    if (judgement === undefined) continue;
    const written = writeAnswer(response, judgement);
    byModel.set(response.model, [...(byModel.get(response.model) ?? []), written]);
  }
  const isComplete = options.models?.every((name) => byModel.has(name)) ?? byModel.size > 0;
  if (!isComplete) return;
  const { prompt } = entry;
  yield {
    ...prompt.extra,
    id: prompt.id,
    benchmark: prompt.domain,
    ...(prompt.split !== undefined && { split: prompt.split }),
    prompt: singleText(prompt.messages) ?? messagesJson(prompt.messages),
    ...(prompt.reference !== undefined && { reference: prompt.reference }),
    candidates: Object.fromEntries([...byModel].map(([name, answers]) => [name, writeCandidate(answers)])),
  };
}

export const judgedRecord: Format = {
  name: "judged-record",
  summary: "prompts with every candidate's answer and score: id, benchmark, prompt, candidates",
  recognises: (row) => "candidates" in row && "prompt" in row,
  read,
  writer: {
    columns: () => [
      { name: "id", type: "text" },
      { name: "benchmark", type: "text" },
      { name: "split", type: "text" },
      { name: "prompt", type: "json" },
      { name: "reference", type: "json" },
      { name: "candidates", type: "json" },
    ],
    rows: write,
  },
};
