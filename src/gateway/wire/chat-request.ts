/**
 * The body of `POST /v1/chat/completions`. Known fields are checked; fields that Tutti does not know are kept and
 * go to the provider as they are.
 */
import { z } from "zod";
import { describeIssue } from "../../config/index.ts";
import type { ChatRequest, ChatTurn } from "../../pool/index.ts";
import { invalid, REASONS } from "./invalid-request.ts";

const ROLES = ["system", "developer", "user", "assistant", "tool", "function"] as const;

const turnSchema = z.looseObject({ role: z.enum(ROLES) }).superRefine((turn, context) =>
  checkContent(turn, (path, message, kind) => {
    context.addIssue({ code: "custom", path: [...path], message, params: { kind } });
  }),
);

const bodySchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(turnSchema).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  n: z.int().min(1).max(128).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  user: z.string().nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
});

/** A checked request, in the gateway's own words. */
export interface ChatCall {
  readonly model: string;
  readonly isStream: boolean;
  readonly includeUsage: boolean;
  /** The client's limit on the answer, if it set one; the larger of two, since a provider may know either. */
  readonly maxCompletionTokens: number | undefined;
  /** `n`: answers to the one prompt. */
  readonly answers: number;
  readonly hasTools: boolean;
  readonly hasImages: boolean;
  /** The `tutti` field, which is the gateway's own and never sent on. */
  readonly tutti: unknown;
  readonly request: ChatRequest;
}

/**
 * Checks a parsed body.
 *
 * @throws {TuttiError} REQUEST_INVALID with `details {param, reason}` for the first field that is wrong
 */
export function parseChatRequest(body: unknown): ChatCall {
  const result = bodySchema.safeParse(body);
  if (!result.success) {
    const { field, problem, kind } = describeIssue(result.error.issues[0]!, body);
    throw invalid(field, problem, REASONS[kind]);
  }
  const { model, messages, stream, stream_options: streamOptions, tutti, ...parameters } = result.data;
  if (streamOptions !== undefined && streamOptions !== null && stream !== true) {
    throw invalid("stream_options", "only allowed when stream is true", "invalid_value");
  }
  return {
    model,
    isStream: stream === true,
    includeUsage: streamOptions?.include_usage === true,
    maxCompletionTokens: largest(parameters.max_completion_tokens, parameters.max_tokens),
    answers: parameters.n ?? 1,
    hasTools: (parameters.tools?.length ?? 0) > 0,
    hasImages: messages.some(hasImage),
    tutti,
    request: { messages: messages as readonly ChatTurn[], parameters },
  };
}

function largest(...limits: readonly (number | null | undefined)[]): number | undefined {
  const given = limits.filter((limit) => limit !== null && limit !== undefined);
  return given.length === 0 ? undefined : Math.max(...given);
}

function hasImage({ content }: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(content) && content.some((part: { type?: unknown }) => part.type === "image_url");
}

/** Kinds of findings, in OpenAI's codes. */

type Report = (path: readonly PropertyKey[], message: string, kind: keyof typeof REASONS) => void;

/** Content is text or a list of parts; an assistant that only calls tools may have none. */
function checkContent(turn: Readonly<Record<string, unknown>>, report: Report): void {
  const { role, content } = turn;
  if (typeof content === "string") return;
  if (content === undefined || content === null) {
    if (role === "assistant") return;
    report(["content"], `missing, expected a string or an array of content parts`, "missing");
    return;
  }
  if (!Array.isArray(content)) {
    report(
      ["content"],
      `received ${kindOf(content)}, expected a string or an array of content parts`,
      "wrong-type",
    );
    return;
  }
  if (content.length === 0) {
    report(["content"], "received an empty array, expected at least one content part", "wrong-value");
    return;
  }
  for (const [index, part] of (content as readonly unknown[]).entries()) {
    const path = ["content", index];
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      report(path, `received ${kindOf(part)}, expected an object`, "wrong-type");
      return;
    }
    const { type, text } = part as Record<string, unknown>;
    if (typeof type !== "string") {
      const problem =
        type === undefined ? "missing, expected a string" : `received ${kindOf(type)}, expected a string`;
      report([...path, "type"], problem, type === undefined ? "missing" : "wrong-type");
      return;
    }
    if (type === "text" && typeof text !== "string") {
      const problem =
        text === undefined ? "missing, expected a string" : `received ${kindOf(text)}, expected a string`;
      report([...path, "text"], problem, text === undefined ? "missing" : "wrong-type");
      return;
    }
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
