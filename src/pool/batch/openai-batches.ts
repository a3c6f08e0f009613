/**
 * The Batch API of OpenAI and servers that speak like it: requests are uploaded as a file (`POST /files`), a batch is made of it
 * (`POST /batches`), and answers and failures are files again. Our name of a batch stands in its metadata.
 */
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { callForLines, callForObject, type HttpCall, type RawBody } from "../http-call.ts";
import { peerAt, type RemoteOptions } from "../remote-options.ts";
import type {
  BatchEndpoint,
  BatchRequest,
  BatchResult,
  BatchState,
  ChatResponse,
  SoughtBatch,
} from "../upstream.ts";
import { unreadable } from "../upstream-failure.ts";
import { failedRequest } from "./request-failure.ts";

const ENDPOINT = "/v1/chat/completions";
const WINDOW = "24h";
const MOST_REQUESTS = 50_000;
const MOST_BYTES = 200 * 1000 * 1000;
const NAME_FIELD = "tutti_batch";
const PAGE = 100;
/** Between the provider's clock and the store's. */
const CLOCK_TOLERANCE_SECONDS = 3600;
const ENDED = new Set(["completed", "expired", "cancelled"]);

type Json = Record<string, unknown>;

export function createOpenAiBatches(options: RemoteOptions): BatchEndpoint {
  const callOf = (
    path: string,
    signal: AbortSignal,
    body?: { readonly json: Json } | { readonly raw: RawBody },
  ): HttpCall => ({
    peer: peerAt(options, path),
    ...(body !== undefined && ("json" in body ? { body: body.json } : { rawBody: body.raw })),
    headers: options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` },
    signal,
    timeoutMs: options.timeoutMs,
  });
  const lineOf = ({ id, request }: BatchRequest): string =>
    `${JSON.stringify({
      custom_id: id,
      method: "POST",
      url: ENDPOINT,
      body: { ...request.parameters, model: options.upstreamModel, messages: request.messages },
    })}\n`;
  const nameIn = (call: HttpCall, value: Json): string => {
    if (typeof value.id === "string" && value.id !== "") return value.id;
    throw unreadable(call.peer, "the answer has no id");
  };
  const batchAt = (providerName: string, signal: AbortSignal): Promise<Json> =>
    callForObject(callOf(`/batches/${encodeURIComponent(providerName)}`, signal));

  return {
    mostRequests: MOST_REQUESTS,
    mostBytes: MOST_BYTES,
    sizeBytes: (request) => Buffer.byteLength(lineOf(request)),

    async submit(name, requests, signal) {
      const raw = uploadOf(name, requests.map(lineOf));
      const upload = callOf("/files", signal, { raw });
      const fileName = nameIn(upload, await callForObject(upload));
      const json = {
        input_file_id: fileName,
        endpoint: ENDPOINT,
        completion_window: WINDOW,
        metadata: { [NAME_FIELD]: name },
      };
      const call = { ...callOf("/batches", signal, { json }), isSentOnce: true };
      return nameIn(call, await callForObject(call));
    },

    async find({ name, askedMs }: SoughtBatch, signal) {
      const oldestSeconds = askedMs / 1000 - CLOCK_TOLERANCE_SECONDS;
      for (let after = ""; ; ) {
        const call = callOf(`/batches?limit=${PAGE}${after}`, signal);
        const page = await callForObject(call);
        const batches = (Array.isArray(page.data) ? page.data : []).filter(isJsonObject);
        const found = batches.find(({ metadata }) => isJsonObject(metadata) && metadata[NAME_FIELD] === name);
        if (found !== undefined) return { providerName: nameIn(call, found) };
        const last = batches.at(-1);
        if (last === undefined || page.has_more !== true || Number(last.created_at) < oldestSeconds)
          return "none";
        after = `&after=${encodeURIComponent(nameIn(call, last))}`;
      }
    },

    state: async (providerName, signal) => stateOf(await batchAt(providerName, signal)),

    async *results(providerName, signal): AsyncGenerator<BatchResult> {
      const batch = await batchAt(providerName, signal);
      for (const fileName of [batch.output_file_id, batch.error_file_id]) {
        if (typeof fileName !== "string" || fileName === "") continue;
        const call = callOf(`/files/${encodeURIComponent(fileName)}/content`, signal);
        for await (const line of callForLines(call)) yield resultOf(options.name, call, line);
      }
    },

    async cancel(providerName, signal) {
      await callForObject(
        callOf(`/batches/${encodeURIComponent(providerName)}/cancel`, signal, { json: {} }),
      );
    },
  };
}

/** The form of RFC 7578 with the fields that `POST /files` asks for. */
function uploadOf(name: string, lines: readonly string[]): RawBody {
  const boundary = `tutti-${name.replaceAll(/[^a-zA-Z0-9]/g, "")}`;
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}.jsonl"\r\n` +
    "content-type: application/jsonl\r\n\r\n";
  const bytes = Buffer.from([head, ...lines, `\r\n--${boundary}--\r\n`].join(""));
  return { type: `multipart/form-data; boundary=${boundary}`, bytes };
}

function stateOf({ status, request_counts: counts, errors }: Json): BatchState {
  const { total, completed, failed } = isJsonObject(counts) ? counts : {};
  const progress = { done: count(completed) + count(failed), total: count(total) };
  if (status === "failed") return { status: "failed", ...progress, problem: problemOf(errors) };
  return { status: ENDED.has(String(status)) ? "ended" : "running", ...progress };
}

const count = (value: unknown): number => (typeof value === "number" ? value : 0);

function problemOf(errors: unknown): string {
  const [first] = isJsonObject(errors) && Array.isArray(errors.data) ? errors.data : [];
  if (!isJsonObject(first)) return "the provider gives no reason";
  const line = typeof first.line === "number" ? `line ${first.line} of the requests: ` : "";
  return `${line}${String(first.message ?? first.code ?? "the provider gives no reason")}`;
}

/** A line of the file of answers or of failures. */
function resultOf(model: string, { peer }: HttpCall, line: Json): BatchResult {
  const { custom_id: id, response, error } = line;
  if (typeof id !== "string") throw unreadable(peer, "a result has no custom_id");
  const { status_code: status, body } = isJsonObject(response) ? response : {};
  if (status === 200 && isJsonObject(body)) {
    if (Array.isArray(body.choices) && body.choices.every(isJsonObject))
      return { id, answer: body as ChatResponse };
    const message = "the answer has no list of choices";
    return { id, failure: new TuttiError("UPSTREAM_FAILED", `model "${model}": ${message}`), isFinal: false };
  }
  const said = isJsonObject(body) && isJsonObject(body.error) ? body.error : error;
  return failedRequest(model, id, { status: typeof status === "number" ? status : undefined, said });
}
