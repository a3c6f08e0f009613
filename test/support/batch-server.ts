/**
 * The batch endpoints of OpenAI and Anthropic on a free loopback port, by their documented wire: what is uploaded, made, listed,
 * answered, expired and cancelled. It counts for what a customer would pay.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

type Json = Record<string, unknown>;
export type Kind = "openai" | "anthropic";

export interface BatchEntry {
  readonly id: string;
  /** Last message's text. */
  readonly text: string;
  readonly body: Json;
}

/** What becomes of a request: an answer, a failure of its own, or nothing before the batch expires. */
export type Fate = "answer" | "invalid" | "server_error" | "expired";

interface Batch {
  readonly name: string;
  readonly metadata: unknown;
  readonly createdMs: number;
  readonly entries: readonly BatchEntry[];
  looks: number;
  status: "running" | "cancelling" | "ended" | "expired" | "cancelled" | "failed";
}

export interface BatchServerOptions {
  readonly kind: Kind;
  /** How often a batch is looked at before it ends. Default 1. */
  readonly looks?: number;
  readonly fate?: (entry: BatchEntry, batch: number) => Fate;
  /** What becomes of an attempt to make a batch: taken as usual, taken or not without an answer, refused as a whole. */
  readonly making?: (attempt: number) => "taken" | "taken-silently" | "lost" | "refused" | "failed";
  /** Before and after a batch is made. */
  readonly delayMs?: number;
}

export interface BatchServer {
  readonly origin: string;
  /** Requests that were answered, by custom_id, as often as they were. */
  readonly paid: Map<string, number>;
  readonly batches: readonly { readonly entries: readonly BatchEntry[] }[];
  readonly headers: IncomingMessage["headers"][];
  readonly cancelled: string[];
  readonly files: Map<string, string>;
}

const ANSWERED = { prompt: 7, completion: 3 };

export async function startBatchServer(options: BatchServerOptions): Promise<BatchServer> {
  const state = new BatchHost(options);
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => void state.answer(request, Buffer.concat(parts).toString("utf8"), response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

class BatchHost implements BatchServer {
  origin = "";
  readonly paid = new Map<string, number>();
  readonly batches: Batch[] = [];
  readonly headers: IncomingMessage["headers"][] = [];
  readonly cancelled: string[] = [];
  readonly files = new Map<string, string>();
  readonly #options: BatchServerOptions;
  #attempts = 0;

  constructor(options: BatchServerOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
    this.headers.push(request.headers);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://host");
    const route = `${request.method} ${pathname.replace(/(batch_|file-|msgbatch_)\w+/, "ID")}`;
    const [name = ""] = /(batch_|file-|msgbatch_)\w+/.exec(pathname) ?? [];
    const batch = this.batches.find((one) => one.name === name);
    const send = (value: unknown, status = 200): void =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    switch (route) {
      case "POST /v1/files":
        return send({ id: this.#upload(request, body), object: "file", purpose: "batch" });
      case "GET /v1/files/ID/content":
        return void response
          .writeHead(200, { "content-type": "application/octet-stream" })
          .end(this.files.get(name));
      case "POST /v1/batches":
      case "POST /v1/messages/batches":
        return await this.#make(JSON.parse(body) as Json, response, send);
      case "GET /v1/batches":
      case "GET /v1/messages/batches":
        return send(this.#page(searchParams));
      case "GET /v1/batches/ID":
      case "GET /v1/messages/batches/ID":
        this.#lookAt(batch!);
        return send(this.#shown(batch!));
      case "POST /v1/batches/ID/cancel":
      case "POST /v1/messages/batches/ID/cancel":
        this.cancelled.push(name);
        batch!.status = "cancelling";
        return send(this.#shown(batch!));
      case "GET /v1/messages/batches/ID/results":
        return void response
          .writeHead(200, { "content-type": "application/x-jsonl" })
          .end(this.#results(batch!));
      default:
        return send({ error: { message: `no route ${route}` } }, 404);
    }
  }

  /** The parts of a multipart form, as RFC 7578 has them. */
  #upload(request: IncomingMessage, body: string): string {
    const boundary = /boundary=(\S+)/.exec(request.headers["content-type"] ?? "")![1]!;
    const parts = body.split(`--${boundary}`).slice(1, -1);
    const named = (name: string): string =>
      parts
        .find((part) => part.includes(`name="${name}"`))!
        .split("\r\n\r\n")
        .slice(1)
        .join("\r\n\r\n");
    if (named("purpose").trim() !== "batch") throw new Error("the purpose of the file is not batch");
    const name = `file-${this.files.size}`;
    this.files.set(name, named("file"));
    return name;
  }

  async #make(
    body: Json,
    response: ServerResponse,
    send: (value: unknown, status?: number) => void,
  ): Promise<void> {
    const { making = () => "taken" as const, delayMs = 0, kind } = this.#options;
    const turn = making(this.#attempts++);
    if (turn === "lost") return void response.destroy();
    if (turn === "refused")
      return send({ error: { message: "the batch is not allowed", type: "invalid_request_error" } }, 400);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const lines = kind === "openai" ? this.files.get(String(body.input_file_id))!.trim().split("\n") : [];
    const requests =
      kind === "openai" ? lines.map((line) => JSON.parse(line) as Json) : (body.requests as Json[]);
    const entries = requests.map((entry) => {
      const inner = (kind === "openai" ? entry.body : entry.params) as Json;
      const last = (inner.messages as { content: unknown }[]).at(-1)!.content;
      const text = typeof last === "string" ? last : (last as { text: string }[])[0]!.text;
      return { id: String(entry.custom_id), text, body: inner };
    });
    const prefix = kind === "openai" ? "batch_" : "msgbatch_";
    const batch: Batch = {
      ...{ name: `${prefix}${this.batches.length}`, metadata: body.metadata ?? null, createdMs: Date.now() },
      ...{ entries, looks: 0, status: turn === "failed" ? "failed" : "running" },
    };
    this.batches.push(batch);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (turn === "taken-silently") return void response.destroy();
    send(this.#shown(batch));
  }

  /** Newest first, as both list them. */
  #page(query: URLSearchParams): Json {
    const newest = [...this.batches].reverse();
    const after = query.get("after") ?? query.get("after_id");
    const start = after === null ? 0 : newest.findIndex(({ name }) => name === after) + 1;
    const end = start + Math.min(2, Number(query.get("limit")));
    const data = newest.slice(start, end).map((batch) => {
      this.#lookAt(batch);
      return this.#shown(batch);
    });
    return { object: "list", data, has_more: end < newest.length, last_id: data.at(-1)?.id ?? null };
  }

  #fate(batch: Batch, entry: BatchEntry): Fate {
    return this.#options.fate?.(entry, this.batches.indexOf(batch)) ?? "answer";
  }

  /** Time goes by with the looks at it. */
  #lookAt(batch: Batch): void {
    batch.looks++;
    const isDue = batch.looks > (this.#options.looks ?? 1);
    if (batch.status === "cancelling" ? batch.looks < 2 : batch.status !== "running" || !isDue) return;
    // Of a batch that is taken back, the first half has been answered already.
    const reached =
      batch.status === "cancelling" ? batch.entries.slice(0, batch.entries.length >> 1) : batch.entries;
    const answered = reached.filter((entry) => this.#fate(batch, entry) === "answer");
    for (const { id } of answered) this.paid.set(id, (this.paid.get(id) ?? 0) + 1);
    const isExpired = batch.entries.some((entry) => this.#fate(batch, entry) === "expired");
    const isCancelled = batch.status === "cancelling";
    batch.status = isCancelled ? "cancelled" : isExpired ? "expired" : "ended";
    if (this.#options.kind !== "openai") return;
    const isAnswered = new Set(answered);
    const good = answered.map((entry) => this.#line(batch, entry, "answer"));
    const bad = reached
      .filter((entry) => !isAnswered.has(entry))
      .map((entry) => this.#line(batch, entry, this.#fate(batch, entry)));
    this.files.set(`file-${batch.name}_output`, good.join(""));
    this.files.set(`file-${batch.name}_errors`, bad.join(""));
  }

  #line(batch: Batch, { id, text }: BatchEntry, fate: Fate): string {
    const base = { id: `batch_req_${id}`, custom_id: id };
    const usage = {
      prompt_tokens: ANSWERED.prompt,
      completion_tokens: ANSWERED.completion,
      total_tokens: 10,
    };
    const message = { role: "assistant", content: `to ${text}`, refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
    const done = { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m", choices, usage };
    const failed = (status_code: number, said: string) => ({
      ...{ ...base, error: null },
      response: {
        status_code,
        request_id: "r",
        body: { error: { message: said, type: "error", code: null } },
      },
    });
    const line = {
      answer: { ...base, response: { status_code: 200, request_id: "r", body: done }, error: null },
      invalid: failed(400, "the prompt is too long"),
      server_error: failed(500, "the server had an error"),
      expired: {
        ...base,
        response: null,
        error: { code: "batch_expired", message: `batch ${batch.name} expired` },
      },
    }[fate];
    return `${JSON.stringify(line)}\n`;
  }

  #shown(batch: Batch): Json {
    const { name, status, entries, createdMs, metadata } = batch;
    const isOver = !["running", "cancelling"].includes(status);
    const count = (fate: Fate): number => entries.filter((entry) => this.#fate(batch, entry) === fate).length;
    if (this.#options.kind === "openai") {
      const shownStatus = { running: "in_progress", ended: "completed" }[status as string] ?? status;
      const files = isOver && status !== "failed";
      const failed = {
        object: "list",
        data: [{ code: "invalid_json_line", line: 3, message: "this line is not valid" }],
      };
      return {
        ...{ id: name, object: "batch", endpoint: "/v1/chat/completions", status: shownStatus, metadata },
        ...{ created_at: Math.floor(createdMs / 1000), completion_window: "24h" },
        errors: status === "failed" ? failed : null,
        output_file_id: files ? `file-${name}_output` : null,
        error_file_id: files ? `file-${name}_errors` : null,
        request_counts: {
          total: entries.length,
          completed: isOver ? count("answer") : 0,
          failed: isOver ? entries.length - count("answer") : 0,
        },
      };
    }
    const shownStatus = { running: "in_progress", cancelling: "canceling" }[status as string] ?? "ended";
    return {
      ...{ id: name, type: "message_batch", processing_status: shownStatus },
      created_at: new Date(createdMs).toISOString(),
      results_url: isOver ? `${this.origin}/v1/messages/batches/${name}/results` : null,
      request_counts: isOver
        ? {
            processing: 0,
            succeeded: count("answer"),
            errored: count("invalid") + count("server_error"),
            canceled: 0,
            expired: count("expired"),
          }
        : { processing: entries.length, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    };
  }

  #results(batch: Batch): string {
    const half = batch.entries.length >> 1;
    return batch.entries
      .map((entry, index) => {
        const isCut = batch.status === "cancelled" && index >= half;
        return `${JSON.stringify({ custom_id: entry.id, result: this.#result(batch, entry, isCut) })}\n`;
      })
      .join("");
  }

  #result(batch: Batch, entry: BatchEntry, isCut: boolean): Json {
    const fate = this.#fate(batch, entry);
    if (isCut) return { type: "canceled" };
    if (fate === "expired") return { type: "expired" };
    if (fate !== "answer") {
      const [type, message] =
        fate === "invalid"
          ? ["invalid_request_error", "the prompt is too long"]
          : ["api_error", "Internal server error"];
      return { type: "errored", error: { type: "error", error: { type, message }, request_id: null } };
    }
    const usage = { input_tokens: ANSWERED.prompt, output_tokens: ANSWERED.completion };
    const message = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      stop_reason: "end_turn",
      usage,
    };
    return {
      type: "succeeded",
      message: { ...message, content: [{ type: "text", text: `to ${entry.text}` }] },
    };
  }
}
