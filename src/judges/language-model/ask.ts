/** Asking a model of the pool for a verdict, and again where it cannot be read. */
import { createHash } from "node:crypto";
import { type ChatMessage, canonicalJson, type Json } from "../../judged/index.ts";
import {
  type ChatTurn,
  costUsd,
  estimateTokens,
  type ModelPricing,
  type Spending,
  turnText,
  type Upstream,
  type Usage,
} from "../../pool/index.ts";
import { tokenPreference } from "./preference.ts";
import { type ReadVerdict, readVerdict, type Unreadable } from "./read-verdict.ts";
import { DEFAULT_LABELS, type Rubric } from "./rubric.ts";

/** The model that judges; a model of a pool is one. */
export interface JudgingModel {
  readonly name: string;
  readonly upstream: Upstream;
  /** Without it judgements have no cost. */
  readonly pricing?: ModelPricing | undefined;
  /** Calls at once that have a use. */
  readonly maxConcurrency?: number | undefined;
  /** What of the model's identity and settings can be known; part of the judge's version, so that another model judges anew. */
  readonly revision?: string | undefined;
}

/** A verdict, or why there is none, with all that the model wrote. */
export interface Reply {
  readonly verdict: ReadVerdict | Unreadable;
  /** What the model wrote, one text a call. */
  readonly texts: readonly string[];
  readonly costUsd: number | undefined;
  /** Of all calls, read and written. */
  readonly tokens: number;
  /** For `tokens`: probability of both labels together. */
  readonly labelMass?: number;
}

const DIGEST_DIGITS = 12;

/** Version of a judge: the rubric's own, and a digest of everything that is sent besides the answers and of what it is sent to. */
export function judgeVersion({ revision }: JudgingModel, rubric: Rubric): string {
  const sent = JSON.parse(JSON.stringify(rubric)) as Json;
  const digest = createHash("sha256")
    .update(canonicalJson(revision === undefined ? sent : [sent, revision]))
    .digest("hex");
  return `${rubric.version}-${digest.slice(0, DIGEST_DIGITS)}`;
}

/** A conversation as one text; a single question is itself. */
export function questionText(messages: readonly ChatMessage[]): string {
  const [only] = messages;
  if (messages.length === 1 && only?.role === "user") return only.content;
  return messages.map(({ role, content }) => `[${role}]\n${content}`).join("\n\n");
}

interface Choice {
  readonly text: string;
  readonly logprobs: unknown;
}

function firstChoice(choices: readonly Readonly<Record<string, unknown>>[]): Choice {
  const { message, logprobs } = choices[0] ?? {};
  const { content } = (message ?? {}) as { content?: unknown };
  return { text: typeof content === "string" ? content : "", logprobs };
}

const again = (problem: string): string =>
  `Your verdict could not be read: ${problem}. Give the same verdict once more, only in the form that was asked for.`;

function readTokens(rubric: Rubric, { text, logprobs }: Choice): Pick<Reply, "verdict" | "labelMass"> {
  const labels = rubric.labels ?? DEFAULT_LABELS;
  const found = tokenPreference(logprobs, labels);
  if (found === undefined) {
    const problem =
      logprobs === null || logprobs === undefined
        ? "the provider gave no log-probabilities"
        : `none of the likely tokens names an answer, ${labels.first} or ${labels.second}`;
    return { verdict: { kind: "unreadable", problem } };
  }
  const { preference: outcome, labelMass } = found;
  return {
    verdict: { kind: "choice", label: text.trim(), outcome, weight: 1, isRepaired: false },
    labelMass,
  };
}

const attemptsOf = ({ output, repairs = 1 }: Rubric): number => 1 + (output === "tokens" ? 0 : repairs);

function openingOf(rubric: Rubric, prompt: string): ChatTurn[] {
  return [
    ...(rubric.system === undefined ? [] : [{ role: "system", content: rubric.system }]),
    { role: "user", content: prompt },
  ];
}

/** Taken for the length of a reply where the rubric sets no limit. */
const USUAL_REPLY_TOKENS = 1024;

/**
 * The most that a verdict can cost, as far as token counts can be estimated: every repair reads all that was written before.
 *
 * @param prompts the texts that the model is asked, each in a conversation of its own
 */
export function mostSpentOn(model: JudgingModel, rubric: Rubric, prompts: readonly string[]): Spending {
  const { max_tokens: limit = USUAL_REPLY_TOKENS } = rubric.parameters ?? {};
  const replyTokens = Number(limit);
  let [read, written] = [0, 0];
  for (const prompt of prompts) {
    const opening = openingOf(rubric, prompt).reduce((sum, turn) => sum + estimateTokens(turnText(turn)), 0);
    for (let attempt = 0; attempt < attemptsOf(rubric); attempt++) {
      read += opening + attempt * (replyTokens + estimateTokens(again("")));
      written += replyTokens;
    }
  }
  const usd = model.pricing === undefined ? 0 : costUsd(model.pricing, read, written);
  return { usd, tokens: read + written };
}

/** As the provider counted them, estimated where it did not. */
function tokensOf(
  usage: Usage | undefined,
  messages: readonly ChatTurn[],
  reply: string,
): Pick<Usage, "prompt_tokens" | "completion_tokens"> {
  if (usage !== undefined) return usage;
  const asked = messages.map(turnText).join("\n");
  return { prompt_tokens: estimateTokens(asked), completion_tokens: estimateTokens(reply) };
}

/**
 * Asks for a verdict, and up to `rubric.repairs` times more when it cannot be read, in one growing conversation.
 *
 * @throws {TuttiError} what the upstream throws
 */
export async function askForVerdict(
  model: JudgingModel,
  rubric: Rubric,
  prompt: string,
  signal: AbortSignal,
): Promise<Reply> {
  const messages = openingOf(rubric, prompt);
  const texts: string[] = [];
  const attempts = attemptsOf(rubric);
  let cost: number | undefined = model.pricing === undefined ? undefined : 0;
  let tokens = 0;
  for (let attempt = 1; ; attempt++) {
    const response = await model.upstream.chat({ messages, parameters: rubric.parameters ?? {} }, { signal });
    const choice = firstChoice(response.choices);
    texts.push(choice.text);
    const used = tokensOf(response.usage, messages, choice.text);
    if (model.pricing !== undefined && cost !== undefined) {
      cost += costUsd(model.pricing, used.prompt_tokens, used.completion_tokens);
    }
    tokens += used.prompt_tokens + used.completion_tokens;
    const read =
      rubric.output === "tokens" ? readTokens(rubric, choice) : { verdict: readVerdict(rubric, choice.text) };
    if (read.verdict.kind !== "unreadable" || attempt === attempts) {
      return { ...read, texts, costUsd: cost, tokens };
    }
    messages.push(
      { role: "assistant", content: choice.text },
      { role: "user", content: again(read.verdict.problem) },
    );
  }
}
