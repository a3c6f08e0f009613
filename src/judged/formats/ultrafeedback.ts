/**
 * UltraFeedback: an instruction with completions of several models, each rated in four aspects and overall. Every rating is a
 * judgement; the judges are called after the aspect.
 *
 * Source: Cui et al., "UltraFeedback: Boosting Language Models with Scaled AI Feedback", ICML 2024, section 2.
 */
import type { Json, JsonObject, JudgementRow, ResponseRow } from "../store/rows.ts";
import { singleText, userMessage } from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, promptRow, recordedSampling, responseRow } from "./rows.ts";

const ASPECTS = ["instruction_following", "honesty", "truthfulness", "helpfulness"];
const OVERALL = ["fine-grained_score", "overall_score"];
const JUDGE = "ultrafeedback";
const FIELDS = ["source", "instruction", "models", "completions"];

/** Ratings are text: a number, or N/A. */
function rating(annotation: Fields): number | null {
  const given = annotation.get("Rating");
  return given === undefined || given === "N/A" ? null : annotation.score("Rating");
}

function judgementsOf(context: ReadContext, completion: Fields, { key }: ResponseRow): JudgementRow[] {
  const annotations = completion.optionalObject("annotations");
  const aspects = ASPECTS.filter((name) => annotations?.has(name)).map((name) => {
    const annotation = annotations!.object(name);
    const score = rating(annotation);
    return judgementRow(context, key, {
      judge: `${JUDGE}:${name}`,
      score,
      verdict: score === null ? "not_applicable" : "rated",
      explanation: annotation.rest(["Rating"]),
    });
  });
  const overall = OVERALL.filter((name) => completion.has(name)).map((name) =>
    judgementRow(context, key, {
      judge: `${JUDGE}:${name}`,
      score: completion.score(name),
      verdict: "rated",
      explanation:
        name === "overall_score" && completion.has("critique")
          ? { critique: completion.text("critique") }
          : undefined,
    }),
  );
  return [...aspects, ...overall];
}

function read(row: Fields, context: ReadContext): RowGroup {
  const prompt = promptRow(context, {
    messages: userMessage(row.words("instruction")),
    domain: row.optionalText("source"),
    extra: row.rest(FIELDS),
  });
  const completions = row.objects("completions");
  const answers = completions.map((completion) => {
    const principle = completion.optionalText("principle");
    const system = completion.optionalText("custom_system_prompt");
    const text = completion.text("response");
    // How the answer was asked for is part of what it is, beside its text.
    const recorded = recordedSampling(text);
    const parameters = {
      ...recorded.parameters,
      ...(principle !== undefined && { principle }),
      ...(system !== undefined && { system }),
    };
    return responseRow(context, prompt.key, {
      model: completion.words("model"),
      text,
      sampling: { ...recorded, parameters },
    });
  });
  return {
    place: row.place,
    prompts: [prompt],
    responses: answers,
    judgements: completions.flatMap((completion, index) =>
      judgementsOf(context, completion, answers[index]!),
    ),
  };
}

function writeCompletion(response: ResponseRow, judgements: readonly JudgementRow[]): JsonObject {
  const own = (name: string): JudgementRow | undefined =>
    judgements.find((row) => row.responseKey === response.key && row.judge === `${JUDGE}:${name}`);
  const annotations = ASPECTS.flatMap((name): [string, Json][] => {
    const row = own(name);
    return row === undefined
      ? []
      : [[name, { ...row.explanation, Rating: row.score === null ? "N/A" : String(row.score) }]];
  });
  const { principle, system } = response.parameters;
  const [fine, overall] = OVERALL.map((name) => own(name));
  return {
    model: response.model,
    ...(principle !== undefined && { principle }),
    ...(system !== undefined && { custom_system_prompt: system }),
    response: response.text,
    annotations: Object.fromEntries(annotations),
    ...(fine?.score != null && { "fine-grained_score": fine.score }),
    ...(overall?.score != null && { overall_score: overall.score }),
    ...(overall?.explanation.critique !== undefined && { critique: overall.explanation.critique }),
  };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const instruction = singleText(entry.prompt.messages);
  const rated = new Set(
    entry.judgements.filter(({ judge }) => judge.startsWith(`${JUDGE}:`)).map((row) => row.responseKey),
  );
  const answers = answersOf(entry, options).filter(({ key }) => rated.has(key));
  if (instruction === undefined || answers.length === 0) return;
  yield {
    ...entry.prompt.extra,
    source: entry.prompt.domain,
    instruction,
    models: answers.map(({ model }) => model),
    completions: answers.map((answer) => writeCompletion(answer, entry.judgements)),
  };
}

export const ultrafeedback: Format = {
  name: "ultrafeedback",
  summary: "UltraFeedback: instruction, completions of several models with ratings",
  recognises: (row) => "instruction" in row && Array.isArray(row.completions),
  read,
  writer: {
    columns: () => [
      { name: "source", type: "text" },
      { name: "instruction", type: "text" },
      { name: "models", type: "texts" },
      { name: "completions", type: "json" },
    ],
    rows: write,
  },
};
