/** The formats, and telling which one a file has by its first row. */
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import { placeError } from "../place.ts";
import { alpaca, alpacaRanking } from "./alpaca.ts";
import { alpacaEvalAnnotation, alpacaEvalOutput } from "./alpaca-eval.ts";
import { arenaHardAnswer, arenaHardJudgement, arenaHardQuestion } from "./arena-hard.ts";
import type { DataRecord } from "./data-record.ts";
import type { Format } from "./format.ts";
import { judgedRecord } from "./judged-record.ts";
import { completions, messages } from "./messages.ts";
import { mtBenchAnswer, mtBenchPair, mtBenchQuestion, mtBenchSingle } from "./mt-bench.ts";
import { openaiBatchInput, openaiBatchOutput } from "./openai-batch.ts";
import { openaiChat } from "./openai-chat.ts";
import { preference } from "./preference.ts";
import { gsm8k, humanEval, prompts } from "./prompts.ts";
import { routeLlm, routerBench } from "./router-tables.ts";
import { sharegpt, sharegptRanking } from "./sharegpt.ts";
import { storeRows } from "./store-rows.ts";
import { ultrafeedback } from "./ultrafeedback.ts";

export const FORMATS: readonly Format[] = [
  judgedRecord,
  storeRows,
  prompts,
  gsm8k,
  humanEval,
  messages,
  completions,
  preference,
  alpaca,
  alpacaRanking,
  sharegpt,
  sharegptRanking,
  ultrafeedback,
  mtBenchQuestion,
  mtBenchAnswer,
  mtBenchSingle,
  mtBenchPair,
  arenaHardQuestion,
  arenaHardAnswer,
  arenaHardJudgement,
  alpacaEvalOutput,
  alpacaEvalAnnotation,
  routeLlm,
  routerBench,
  openaiChat,
  openaiBatchInput,
  openaiBatchOutput,
];

const NAMES = FORMATS.map(({ name }) => name);

/** @throws {TuttiError} INVALID_ARGUMENT */
export function formatNamed(name: string): Format {
  const found = FORMATS.find((format) => format.name === name);
  if (found !== undefined) return found;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `format: received "${name}", expected one of ${NAMES.join(", ")}`,
    {
      hint: didYouMean(name, NAMES) || "docs/data.md describes them",
    },
  );
}

/** @throws {TuttiError} DATASET_INVALID: a row like that is none of the formats', or of several */
export function recogniseFormat({ value, place }: DataRecord): Format {
  const found = FORMATS.filter((format) => format.recognises(value));
  if (found.length === 1) return found[0]!;
  const fields = Object.keys(value).slice(0, 12).join(", ") || "no fields";
  const candidates = found.length === 0 ? "none of the formats" : found.map(({ name }) => name).join(" and ");
  throw placeError(
    "DATASET_INVALID",
    place,
    `field (row): received an object with ${fields}, which is ${candidates}; expected a row of one format`,
    { hint: `name the format (--format); there are ${NAMES.join(", ")}` },
  );
}
