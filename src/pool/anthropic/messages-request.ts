/** From a chat-completions request to the body of Anthropic's `POST /v1/messages`. */
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { shown } from "../../support/show.ts";
import { type ChatRequest, type ChatTurn, type ContentPart, turnText } from "../upstream.ts";

type Json = Record<string, unknown>;

/** The API needs a limit; chat-completions requests may leave it out. */
const USUAL_MAX_TOKENS = 4096;

/** Parameters that change an answer in ways that this API does not know, and the values that change nothing. */
const IMPOSSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  logprobs: [false],
  top_logprobs: [0],
  logit_bias: [],
  presence_penalty: [0],
  frequency_penalty: [0],
  response_format: [],
};
/** Written under other names below, or without effect on an answer here. */
const TRANSLATED = new Set([
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "user",
  "seed",
]);

/**
 * The body without model and stream. System and developer messages become `system`, tool calls and results become blocks,
 * images stay images; a seed is left out, because the API has none. Parameters that are the API's own pass through.
 *
 * @throws {TuttiError} REQUEST_INVALID naming a parameter or message that this API has no equal of
 */
export function messagesBody({ messages, parameters }: ChatRequest): Json {
  const kept: Json = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || TRANSLATED.has(name)) continue;
    const harmless = IMPOSSIBLE[name];
    if (harmless === undefined) kept[name] = value;
    else if (!harmless.includes(value) && !isPlainText(name, value)) throw impossible(name, value);
  }
  const { stop, user } = parameters;
  const system = messages.filter(isSystem).map(turnText).join("\n\n");
  return {
    ...kept,
    max_tokens: parameters.max_completion_tokens ?? parameters.max_tokens ?? USUAL_MAX_TOKENS,
    messages: conversation(messages.filter((turn) => !isSystem(turn))),
    ...(system !== "" && { system }),
    ...(stop !== undefined && stop !== null && { stop_sequences: typeof stop === "string" ? [stop] : stop }),
    ...(typeof user === "string" && { metadata: { user_id: user } }),
    ...toolFields(parameters),
  };
}

function isPlainText(name: string, value: unknown): boolean {
  return name === "response_format" && isJsonObject(value) && value.type === "text";
}

function impossible(name: string, value: unknown): TuttiError {
  return new TuttiError("REQUEST_INVALID", `${name}: received ${shown(value)}, which Anthropic's API lacks`, {
    details: { param: name },
    hint: `leave ${name} out, or choose a model of another provider`,
  });
}

const isSystem = ({ role }: ChatTurn): boolean => role === "system" || role === "developer";

/** Turns of user and assistant in alternation: neighbours of one role are joined, as the results of several tools are. */
function conversation(turns: readonly ChatTurn[]): Json[] {
  const joined: { role: string; content: Json[] }[] = [];
  for (const turn of turns) {
    const role = turn.role === "assistant" ? "assistant" : "user";
    const content = blocksOf(turn);
    const last = joined.at(-1);
    if (last?.role === role) last.content.push(...content);
    else joined.push({ role, content });
  }
  return joined;
}

function blocksOf(turn: ChatTurn): Json[] {
  if (turn.role === "tool") {
    return [{ type: "tool_result", tool_use_id: turn.tool_call_id, content: turnText(turn) }];
  }
  if (turn.role !== "user" && turn.role !== "assistant") {
    throw new TuttiError("REQUEST_INVALID", `messages: received the role ${shown(turn.role)}`, {
      details: { param: "messages" },
      hint: "the roles are system, developer, user, assistant and tool",
    });
  }
  const parts: readonly ContentPart[] =
    typeof turn.content === "string" ? [{ type: "text", text: turn.content }] : (turn.content ?? []);
  // The API refuses empty texts, which chat completions have beside tool calls.
  const said = parts.filter((part) => part.type !== "text" || part.text !== "").map(blockOf);
  return [...said, ...toolUses(turn.tool_calls)];
}

function blockOf(part: ContentPart): Json {
  if (part.type === "text") return { type: "text", text: part.text };
  const image = part.type === "image_url" && isJsonObject(part.image_url) ? part.image_url.url : undefined;
  if (typeof image !== "string") {
    throw new TuttiError("REQUEST_INVALID", `messages: received a part of type ${shown(part.type)}`, {
      details: { param: "messages" },
      hint: "Anthropic models take text and image_url parts",
    });
  }
  const inline = /^data:([^;,]+);base64,(.*)$/s.exec(image);
  const source =
    inline === null
      ? { type: "url", url: image }
      : { type: "base64", media_type: inline[1], data: inline[2] };
  return { type: "image", source };
}

function toolUses(calls: unknown): Json[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isJsonObject).map(({ id, function: called }) => {
    const { name, arguments: text } = isJsonObject(called) ? called : {};
    try {
      return { type: "tool_use", id, name, input: JSON.parse(String(text || "{}")) as unknown };
    } catch (cause) {
      throw new TuttiError(
        "REQUEST_INVALID",
        `messages: the arguments of tool call ${shown(id)} are not JSON`,
        {
          cause,
          details: { param: "messages" },
          hint: "send the arguments back as the model wrote them",
        },
      );
    }
  });
}

function toolFields({ tools, tool_choice: choice, parallel_tool_calls: isParallel }: Json): Json {
  if (!Array.isArray(tools) || tools.length === 0 || choice === "none") return {};
  const named = isJsonObject(choice) && isJsonObject(choice.function) ? choice.function.name : undefined;
  const kind =
    named === undefined ? { type: choice === "required" ? "any" : "auto" } : { type: "tool", name: named };
  return {
    tools: tools.filter(isJsonObject).map(({ function: tool }) => {
      const { name, description, parameters } = isJsonObject(tool) ? tool : {};
      return {
        name,
        ...(description !== undefined && { description }),
        input_schema: parameters ?? { type: "object", properties: {} },
      };
    }),
    tool_choice: { ...kind, ...(isParallel === false && { disable_parallel_tool_use: true }) },
  };
}
