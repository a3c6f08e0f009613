/** What may be asked of a generator, and the checks of it. */
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import type { SamplingSettings } from "./sampling.ts";

export interface GenerationRequest extends SamplingSettings {
  /**
   * Text, encoded with the tokens around a text; or token ids, taken as they are. Of an encoder-decoder it is the source,
   * and may be a list of passages, encoded one by one and read together by the decoder (arXiv 2007.01282).
   */
  readonly prompt: string | Int32Array | readonly (string | Int32Array)[];
  /** @default as many as fit the context */
  readonly maxTokens?: number;
  /** Answers to the prompt, which is read once. @default 1 */
  readonly samples?: number;
  /** Text that ends an answer and is not part of it. */
  readonly stopStrings?: readonly string[];
  /** Tokens that end an answer beside the model's own. */
  readonly stopTokens?: readonly number[];
  /** Whether the model's own end tokens do not end an answer. @default false */
  readonly ignoresEndTokens?: boolean;
  /** Records log-probabilities of the chosen tokens, and of this many most likely ones; 0 only of the chosen. */
  readonly topLogProbabilities?: number;
  /** Ends the answers where they are; they are then "aborted". */
  readonly signal?: AbortSignal;
}

const MOST_SAMPLES = 1024;
const MOST_TOP_LOG_PROBABILITIES = 100;

function wholeNumber(name: string, value: unknown, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${name} must be a whole number from ${least} to ${most}, received ${shown(value)}`,
      { details: { name } },
    );
  }
  return value as number;
}

/** Counts of a request with their defaults. @throws {TuttiError} INVALID_ARGUMENT naming what is wrong */
export function checkRequest(
  request: GenerationRequest,
  promptLength: number,
  contextLength: number,
): {
  readonly samples: number;
  readonly maxTokens: number;
  readonly topLogProbabilities: number | undefined;
} {
  checkPrompt(promptLength, contextLength);
  const room = contextLength - promptLength;
  const maxTokens = wholeNumber("maxTokens", request.maxTokens ?? room, 1, Number.MAX_SAFE_INTEGER);
  for (const stop of request.stopStrings ?? []) {
    if (typeof stop !== "string" || stop === "") {
      throw new TuttiError("INVALID_ARGUMENT", `a stop string must be text, received ${shown(stop)}`);
    }
  }
  const top = request.topLogProbabilities;
  return {
    samples: wholeNumber("samples", request.samples ?? 1, 1, MOST_SAMPLES),
    maxTokens: Math.min(maxTokens, room),
    topLogProbabilities:
      top === undefined ? undefined : wholeNumber("topLogProbabilities", top, 0, MOST_TOP_LOG_PROBABILITIES),
  };
}

/** @throws {TuttiError} INVALID_ARGUMENT for an empty prompt, or one that leaves no room for a token */
export function checkPrompt(promptLength: number, contextLength: number): void {
  if (promptLength === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "the prompt is empty", {
      hint: "give at least one token to go on from, such as the one that begins a text",
    });
  }
  if (promptLength >= contextLength) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `the prompt has ${promptLength} tokens, the context holds ${contextLength} with the answer`,
      {
        details: { promptLength, contextLength },
        hint: "shorten the prompt, or open the model with a larger context length",
      },
    );
  }
}

/** @throws {TuttiError} INVALID_ARGUMENT for an id that the model has no embedding of */
export function checkTokenIds(ids: Int32Array, vocabularySize: number): void {
  const wrong = ids.find((id) => id < 0 || id >= vocabularySize);
  if (wrong !== undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `token id ${wrong} is outside the vocabulary of ${vocabularySize} tokens`,
      { details: { id: wrong, vocabularySize }, hint: "encode the text with the model's own tokenizer" },
    );
  }
}
