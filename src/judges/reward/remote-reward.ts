/**
 * Reward models behind the servers that people run: vLLM (/classify, /score, /pooling), Hugging Face's TEI (/predict, /rerank) and Infinity
 * (/classify, /rerank).
 */
import { messageOf, TuttiError } from "../../support/errors.ts";
import { questionText } from "../language-model/ask.ts";
import type { RewardInput, RewardModel } from "./reward-model.ts";

/**
 * - `vllm-classify`: `POST /classify {model, input}`; the probability of `label`, or of the only class
 * - `vllm-score`: `POST /score {model, text_1, text_2}`: question against answer
 * - `vllm-pooling`: `POST /pooling {model, messages}`; the last number of the pooled output
 * - `tei-predict`: `POST /predict {inputs, raw_scores}`; the score of `label`, or the only one
 * - `tei-rerank`: `POST /rerank {query, texts}`
 * - `infinity-classify`: `POST /classify {model, input}` with labels a text
 * - `infinity-rerank`: `POST /rerank {model, query, documents}`
 */
export const REWARD_ENDPOINTS = [
  "vllm-classify",
  "vllm-score",
  "vllm-pooling",
  "tei-predict",
  "tei-rerank",
  "infinity-classify",
  "infinity-rerank",
] as const;
export type RewardEndpoint = (typeof REWARD_ENDPOINTS)[number];

export interface RemoteRewardOptions {
  readonly name: string;
  readonly endpoint: RewardEndpoint;
  /** Without the endpoint's path; for Infinity and vLLM where these paths are found. */
  readonly baseUrl: string;
  /** The model's name at the server. */
  readonly model?: string;
  /** Class whose score is the reward, for classifiers of several. */
  readonly label?: string;
  readonly apiKey?: string;
  /** @default 60 000 */
  readonly timeoutMs?: number;
  /** Version of the model at the server, where it is known. @default the model's name */
  readonly revision?: string;
}

interface Exchange {
  readonly path: string;
  body(input: RewardInput, options: RemoteRewardOptions): unknown;
  /** Undefined where the answer has another shape. */
  reward(answer: unknown, options: RemoteRewardOptions): number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** Question and answer as one text, for classifiers that take no pair. */
const joined = ({ messages, answer }: RewardInput): string => `${questionText(messages)}\n\n${answer}`;

/** A list of {label, score}: the one asked for, or the only one. */
function labelledScore(list: unknown, label: string | undefined): number | undefined {
  const entries = listOf(list).map(fieldsOf);
  const found =
    label === undefined && entries.length === 1 ? entries[0] : entries.find((entry) => entry.label === label);
  return numberOf(found?.score);
}

/** vLLM gives the probabilities of all classes and the name of the most likely one. */
function vllmClass(answer: unknown, { label }: RemoteRewardOptions): number | undefined {
  const first = fieldsOf(listOf(fieldsOf(answer).data)[0]);
  const probabilities = listOf(first.probs);
  if (probabilities.length === 1) return numberOf(probabilities[0]);
  const index = Number(/^(?:LABEL_)?(\d+)$/.exec(label ?? "")?.[1] ?? Number.NaN);
  if (Number.isInteger(index)) return numberOf(probabilities[index]);
  if (probabilities.length !== 2 || label === undefined) return undefined;
  const likely = Math.max(...probabilities.map(Number));
  return first.label === label ? likely : 1 - likely;
}

/** The last number of whatever nesting the server pools into. */
function lastNumber(value: unknown): number | undefined {
  return Array.isArray(value) ? lastNumber(value.at(-1)) : numberOf(value);
}

const turnsOf = ({ messages, answer }: RewardInput) => [...messages, { role: "assistant", content: answer }];

const EXCHANGES: Readonly<Record<RewardEndpoint, Exchange>> = {
  "vllm-classify": {
    path: "/classify",
    body: (input, { model }) => ({ model, input: [joined(input)] }),
    reward: vllmClass,
  },
  "vllm-score": {
    path: "/score",
    body: ({ messages, answer }, { model }) => ({ model, text_1: questionText(messages), text_2: answer }),
    reward: (answer) => numberOf(fieldsOf(listOf(fieldsOf(answer).data)[0]).score),
  },
  "vllm-pooling": {
    path: "/pooling",
    body: (input, { model }) => ({ model, messages: turnsOf(input) }),
    reward: (answer) => lastNumber(fieldsOf(listOf(fieldsOf(answer).data)[0]).data),
  },
  "tei-predict": {
    path: "/predict",
    body: ({ messages, answer }) => ({ inputs: [[questionText(messages), answer]], raw_scores: true }),
    reward: (answer, { label }) =>
      labelledScore(Array.isArray(listOf(answer)[0]) ? listOf(answer)[0] : answer, label),
  },
  "tei-rerank": {
    path: "/rerank",
    body: ({ messages, answer }) => ({ query: questionText(messages), texts: [answer], raw_scores: true }),
    reward: (answer) => numberOf(fieldsOf(listOf(answer)[0]).score),
  },
  "infinity-classify": {
    path: "/classify",
    body: (input, { model }) => ({ model, input: [joined(input)], raw_scores: true }),
    reward: (answer, { label }) => labelledScore(listOf(fieldsOf(answer).data)[0], label),
  },
  "infinity-rerank": {
    path: "/rerank",
    body: ({ messages, answer }, { model }) => ({
      model,
      query: questionText(messages),
      documents: [answer],
      raw_scores: true,
    }),
    reward: (answer) => numberOf(fieldsOf(listOf(fieldsOf(answer).results)[0]).relevance_score),
  },
};

const DEFAULT_TIMEOUT_MS = 60_000;
const QUOTED_CHARACTERS = 300;

function failure(options: RemoteRewardOptions, problem: string, hint: string, cause?: unknown): TuttiError {
  const { apiKey } = options;
  const text = apiKey ? problem.replaceAll(apiKey, "[redacted]") : problem;
  return new TuttiError("UPSTREAM_FAILED", `reward model "${options.name}": ${text}`, {
    cause,
    details: { model: options.name, endpoint: options.endpoint },
    hint,
  });
}

async function post(
  url: string,
  body: unknown,
  options: RemoteRewardOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const { apiKey, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.any([signal, limit]),
    });
    text = await response.text();
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (limit.aborted) {
      throw new TuttiError(
        "UPSTREAM_TIMEOUT",
        `reward model "${options.name}" did not answer within ${timeoutMs} ms`,
        {
          cause,
          details: { model: options.name },
          hint: "raise timeoutMs, or check the server",
        },
      );
    }
    throw failure(
      options,
      `could not be reached: ${messageOf(cause)}`,
      "check that the server runs at baseUrl",
      cause,
    );
  }
  if (!response.ok) {
    throw failure(
      options,
      `the server answered HTTP ${response.status}: ${text.slice(0, QUOTED_CHARACTERS)}`,
      "check endpoint, baseUrl and model",
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw failure(options, "the answer is not JSON", "check endpoint and baseUrl", cause);
  }
}

/**
 * A reward model behind a server.
 *
 * @throws {TuttiError} when asked: UPSTREAM_FAILED (unreachable, refused, an answer of another shape), UPSTREAM_TIMEOUT
 */
export function remoteRewardModel(options: RemoteRewardOptions): RewardModel {
  const { name, endpoint, baseUrl, model, label } = options;
  const exchange = EXCHANGES[endpoint];
  const url = `${baseUrl.replace(/\/+$/, "")}${exchange.path}`;
  return {
    name,
    revision: [endpoint, options.revision ?? model ?? "", label ?? ""].join("/"),
    async reward(input, signal) {
      const answer = await post(url, exchange.body(input, options), options, signal);
      const reward = exchange.reward(answer, options);
      if (reward !== undefined) return reward;
      throw failure(
        options,
        `the answer holds no score${label === undefined ? "" : ` of ${label}`}: ${JSON.stringify(answer)?.slice(0, QUOTED_CHARACTERS)}`,
        "name a label of the model, or another endpoint: REWARD_ENDPOINTS lists them",
      );
    },
  };
}
