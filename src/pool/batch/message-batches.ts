/**
 * Anthropic's Message Batches (`/v1/messages/batches`): requests go in one body, results come as lines. A batch carries nothing of
 * ours but the ids of its requests, which only its results show: one whose name was lost is found by its time and size, and known by
 * its results.
 */

import { isJsonObject } from "../../support/json.ts";
import { anthropicHeaders } from "../anthropic/headers.ts";
import { messagesBody } from "../anthropic/messages-request.ts";
import { completionOf } from "../anthropic/messages-response.ts";
import { callForLines, callForObject, type HttpCall } from "../http-call.ts";
import { peerAt, type RemoteOptions } from "../remote-options.ts";
import type { BatchEndpoint, BatchRequest, BatchResult, BatchState, SoughtBatch } from "../upstream.ts";
import { unreadable } from "../upstream-failure.ts";
import { failedRequest } from "./request-failure.ts";

const PATH = "/v1/messages/batches";
const MOST_REQUESTS = 100_000;
/** The API takes 256 MB. */
const MOST_BYTES = 250 * 1000 * 1000;
const PAGE = 100;
/** Between the provider's clock and the store's. */
const CLOCK_TOLERANCE_MS = 3_600_000;

type Json = Record<string, unknown>;

export function createMessageBatches(options: RemoteOptions, nowSeconds: () => number): BatchEndpoint {
  const callOf = (path: string, signal: AbortSignal, body?: Json): HttpCall => ({
    peer: peerAt(options, path),
    body,
    headers: anthropicHeaders(options),
    signal,
    timeoutMs: options.timeoutMs,
  });
  const entryOf = ({ id, request }: BatchRequest): Json => ({
    custom_id: id,
    params: { ...messagesBody(request), model: options.upstreamModel },
  });
  const nameIn = (call: HttpCall, value: Json): string => {
    if (typeof value.id === "string" && value.id !== "") return value.id;
    throw unreadable(call.peer, "the answer has no id");
  };
  const pathOf = (providerName: string): string => `${PATH}/${encodeURIComponent(providerName)}`;
  // By its path below the pool's baseUrl rather than `results_url`, which would send the key wherever an answer says.
  async function* results(providerName: string, signal: AbortSignal): AsyncGenerator<BatchResult> {
    const call = callOf(`${pathOf(providerName)}/results`, signal);
    for await (const line of callForLines(call)) yield resultOf(options.name, call, line, nowSeconds());
  }
  const isOurs = async (
    providerName: string,
    { ids }: SoughtBatch,
    signal: AbortSignal,
  ): Promise<boolean> => {
    for await (const { id } of results(providerName, signal)) return ids.has(id);
    return false;
  };

  return {
    mostRequests: MOST_REQUESTS,
    mostBytes: MOST_BYTES,
    sizeBytes: (request) => Buffer.byteLength(JSON.stringify(entryOf(request))) + 1,

    async submit(_name, requests, signal) {
      const call = { ...callOf(PATH, signal, { requests: requests.map(entryOf) }), isSentOnce: true };
      return nameIn(call, await callForObject(call));
    },

    async find(sought, signal) {
      let isUnsure = false;
      for (let after = ""; ; ) {
        const call = callOf(`${PATH}?limit=${PAGE}${after}`, signal);
        const page = await callForObject(call);
        const batches = (Array.isArray(page.data) ? page.data : []).filter(isJsonObject);
        for (const batch of batches) {
          const providerName = nameIn(call, batch);
          const state = stateOf(batch);
          if (sought.known.has(providerName) || !isCandidate(batch, state, sought)) continue;
          if (state.status === "running") isUnsure = true;
          else if (await isOurs(providerName, sought, signal)) return { providerName };
        }
        const last = batches.at(-1);
        if (
          last === undefined ||
          page.has_more !== true ||
          createdMs(last) < sought.askedMs - CLOCK_TOLERANCE_MS
        ) {
          return isUnsure ? "unsure" : "none";
        }
        after = `&after_id=${encodeURIComponent(nameIn(call, last))}`;
      }
    },

    state: async (providerName, signal) => stateOf(await callForObject(callOf(pathOf(providerName), signal))),

    results,

    async cancel(providerName, signal) {
      await callForObject(callOf(`${pathOf(providerName)}/cancel`, signal, {}));
    },
  };
}

const createdMs = (batch: Json): number => Date.parse(String(batch.created_at));

function isCandidate(batch: Json, { total }: BatchState, { requests, askedMs }: SoughtBatch): boolean {
  return total === requests && createdMs(batch) >= askedMs - CLOCK_TOLERANCE_MS;
}

function stateOf({ processing_status: status, request_counts: counts }: Json): BatchState {
  const numbers = isJsonObject(counts) ? counts : {};
  const count = (name: string): number => (typeof numbers[name] === "number" ? numbers[name] : 0);
  const done = ["succeeded", "errored", "canceled", "expired"].reduce((sum, name) => sum + count(name), 0);
  return { status: status === "ended" ? "ended" : "running", done, total: done + count("processing") };
}

/** Errors of this type concern the request; others may pass. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
};

function resultOf(model: string, { peer }: HttpCall, line: Json, nowSeconds: number): BatchResult {
  const { custom_id: id, result } = line;
  if (typeof id !== "string" || !isJsonObject(result)) {
    throw unreadable(peer, "a result has no custom_id or no result");
  }
  const { message } = result;
  if (result.type === "succeeded" && isJsonObject(message) && Array.isArray(message.content)) {
    return { id, answer: completionOf(message, message.content.filter(isJsonObject), nowSeconds) };
  }
  if (result.type !== "errored") {
    return failedRequest(model, id, { status: undefined, said: { message: String(result.type) } });
  }
  // The error object stands inside an object that itself has the type "error".
  const outer = isJsonObject(result.error) ? result.error : {};
  const said = isJsonObject(outer.error) ? outer.error : outer;
  return failedRequest(model, id, { status: STATUS_OF_TYPE[String(said.type)], said });
}
