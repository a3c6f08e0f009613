/** From the parameters of a chat completion to a request of the generator. */
import type { GenerationRequest } from "../../generate/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { shown } from "../../support/show.ts";

/** Their name -> the generator's, which checks the values. */
const NUMBERS = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  repetition_penalty: "repetitionPenalty",
  seed: "seed",
  n: "samples",
  max_tokens: "maxTokens",
  max_completion_tokens: "maxTokens",
} as const;
/** Handled below, or about accounts and storage rather than about the answer. */
const OTHERS = new Set(["stop", "logprobs", "top_logprobs", "user", "metadata", "store", "service_tier"]);

function refuse(name: string, value: unknown, hint: string): TuttiError {
  return new TuttiError(
    "REQUEST_INVALID",
    `${name}: received ${shown(value)}, which a local model cannot do`,
    {
      details: { param: name },
      hint,
    },
  );
}

function isHarmless(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || OTHERS.has(name)) return true;
  if (name === "tools") return Array.isArray(value) && value.length === 0;
  if (name === "tool_choice") return value === "none" || value === "auto";
  return name === "response_format" && isJsonObject(value) && value.type === "text";
}

/**
 * The request without its prompt. As in OpenAI's API the temperature is 1 where none is given; without a seed it is `seed`.
 *
 * @throws {TuttiError} REQUEST_INVALID naming a parameter that would change the answer and cannot be followed
 */
export function generationParameters(
  parameters: Readonly<Record<string, unknown>>,
  seed: number,
): Omit<GenerationRequest, "prompt"> {
  const request: Record<string, unknown> = { temperature: 1, seed };
  for (const [name, value] of Object.entries(parameters)) {
    const own = (NUMBERS as Readonly<Record<string, string>>)[name];
    if (own === undefined) {
      if (isHarmless(name, value)) continue;
      throw refuse(name, value, `local models take ${[...Object.keys(NUMBERS), ...OTHERS].join(", ")}`);
    }
    if (value === undefined || value === null) continue;
    if (typeof value !== "number") throw refuse(name, value, `give ${name} as a number`);
    request[own] = value;
  }
  const { stop, logprobs, top_logprobs: top } = parameters;
  if (stop !== undefined && stop !== null) request.stopStrings = typeof stop === "string" ? [stop] : stop;
  if (logprobs === true) request.topLogProbabilities = top ?? 0;
  return request;
}
