/** From the events of a stream of Anthropic's Messages API to chunks of a chat completion. */
import { isJsonObject } from "../../support/json.ts";
import type { ChatChunk } from "../upstream.ts";
import { finishReasonOf, usageOf } from "./messages-response.ts";

type Json = Record<string, unknown>;

const objectIn = (event: Json, field: string): Json => {
  const value = event[field];
  return isJsonObject(value) ? value : {};
};

/** Keeps what later events need of earlier ones: ids, counts, the places of tool calls. */
export class MessagesStream {
  readonly #createdSeconds: number;
  #id: unknown;
  #model: unknown;
  #usage: Json = {};
  /** Block index -> place among the tool calls. */
  readonly #toolPlaces = new Map<unknown, number>();

  constructor(createdSeconds: number) {
    this.#createdSeconds = createdSeconds;
  }

  /** The chunks that an event stands for; none for events that say nothing of the answer. */
  chunksOf(event: Json): ChatChunk[] {
    switch (event.type) {
      case "message_start": {
        const message = objectIn(event, "message");
        this.#id = message.id;
        this.#model = message.model;
        this.#usage = objectIn(message, "usage");
        return [this.#chunk({ role: "assistant", content: "" })];
      }
      case "content_block_start":
        return this.#startBlock(event.index, objectIn(event, "content_block"));
      case "content_block_delta":
        return this.#extendBlock(event.index, objectIn(event, "delta"));
      case "message_delta":
        return this.#finish(objectIn(event, "delta").stop_reason, objectIn(event, "usage"));
      default:
        return [];
    }
  }

  #startBlock(index: unknown, block: Json): ChatChunk[] {
    if (block.type !== "tool_use") return [];
    const place = this.#toolPlaces.size;
    this.#toolPlaces.set(index, place);
    const called = { name: block.name, arguments: "" };
    return [
      this.#chunk({ tool_calls: [{ index: place, id: block.id, type: "function", function: called }] }),
    ];
  }

  #extendBlock(index: unknown, delta: Json): ChatChunk[] {
    switch (delta.type) {
      case "text_delta":
        return [this.#chunk({ content: delta.text })];
      case "thinking_delta":
        return [this.#chunk({ reasoning_content: delta.thinking })];
      case "input_json_delta": {
        const called = { arguments: delta.partial_json };
        return [this.#chunk({ tool_calls: [{ index: this.#toolPlaces.get(index), function: called }] })];
      }
      default:
        return [];
    }
  }

  /** Counts of this event are totals, and take the place of those that the stream began with. */
  #finish(stopReason: unknown, usage: Json): ChatChunk[] {
    this.#usage = { ...this.#usage, ...usage };
    if (typeof stopReason !== "string") return [];
    const last = this.#chunk({}, { finish: finishReasonOf(stopReason), native: stopReason });
    return [last, { ...this.#base(), choices: [], usage: usageOf(this.#usage) }];
  }

  #base(): Json {
    return {
      id: this.#id,
      object: "chat.completion.chunk",
      created: this.#createdSeconds,
      model: this.#model,
    };
  }

  #chunk(delta: Json, reason?: { readonly finish: string; readonly native: string }): ChatChunk {
    const choice = { index: 0, delta, logprobs: null, finish_reason: reason?.finish ?? null };
    return {
      ...this.#base(),
      choices: [{ ...choice, ...(reason && { native_finish_reason: reason.native }) }],
    };
  }
}
