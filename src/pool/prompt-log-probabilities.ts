/**
 * Log-probabilities of a given continuation from servers with vLLM's `prompt_logprobs`: the conversation is sent once to
 * count its tokens, and once with the continuation as an unfinished last message whose tokens are scored as a prompt.
 */
import { isJsonObject } from "../support/json.ts";
import type {
  CallOptions,
  ChatRequest,
  ChatResponse,
  ContinuationLogProbabilities,
  ScoreRequest,
} from "./upstream.ts";
import { type Peer, unreadable } from "./upstream-failure.ts";

type Chat = (request: ChatRequest, options: CallOptions) => Promise<ChatResponse>;

/** No answer is wanted, but servers make one token at least. */
const SHORTEST = { max_tokens: 1, temperature: 0 };

/**
 * Two calls. The tokens of the conversation are taken to stay the same when the continuation follows, as they do behind
 * templates that end the model's turn marker with a token of its own or a line end.
 *
 * @throws {TuttiError} UPSTREAM_FAILED when the server leaves `prompt_logprobs` out
 */
export async function scoreWithPromptLogProbabilities(
  peer: Peer,
  chat: Chat,
  { messages, continuation }: ScoreRequest,
  options: CallOptions,
): Promise<ContinuationLogProbabilities> {
  const before = await chat({ messages, parameters: SHORTEST }, options);
  const promptTokens = before.usage?.prompt_tokens;
  if (!Number.isInteger(promptTokens)) {
    throw unreadable(peer, "the answer does not count the tokens of the prompt");
  }
  const scored = await chat(
    {
      messages: [...messages, { role: "assistant", content: continuation }],
      parameters: {
        ...SHORTEST,
        // 0 alternatives: of every token of the prompt its own log-probability alone.
        prompt_logprobs: 0,
        add_generation_prompt: false,
        continue_final_message: true,
      },
    },
    options,
  );
  return continuationOf(peer, scored.prompt_logprobs, promptTokens!);
}

/** Each place of the list: an object from token id to `{logprob, rank, decoded_token}`; null at the first. */
function continuationOf(peer: Peer, list: unknown, promptTokens: number): ContinuationLogProbabilities {
  if (!Array.isArray(list)) throw unreadable(peer, "the answer has no prompt_logprobs");
  if (list.length <= promptTokens) {
    throw unreadable(
      peer,
      `prompt_logprobs has ${list.length} places, expected more than the ${promptTokens} of the prompt`,
    );
  }
  const tokens = list.slice(promptTokens).map((place: unknown) => {
    const [entry] = isJsonObject(place) ? Object.values(place) : [];
    if (!isJsonObject(entry) || typeof entry.logprob !== "number") {
      throw unreadable(peer, "prompt_logprobs has a place without a log-probability");
    }
    const { logprob, decoded_token: text } = entry;
    return { logProbability: logprob, ...(typeof text === "string" && { text }) };
  });
  return { logProbability: tokens.reduce((sum, token) => sum + token.logProbability, 0), tokens };
}
