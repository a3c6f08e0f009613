/** Malformed requests: each gets its status and an OpenAI-shaped body that names the field. */
import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGateway, type GatewayServer, serveGateway } from "../../src/gateway/index.ts";
import { lengthRouter, replayPool } from "./support.ts";

const LIMIT_BYTES = 20_000;
let server: GatewayServer;
beforeAll(async () => {
  server = await serveGateway({
    app: createGateway({ pool: replayPool(), router: lengthRouter, maxBodyBytes: LIMIT_BYTES }),
    port: 0,
  });
});
afterAll(() => server.close(0));

interface Case {
  readonly name: string;
  /** Default POST. */
  readonly method?: string;
  /** Default /v1/chat/completions. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects are sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
  readonly status: number;
  readonly code: string;
  readonly param?: string;
  readonly message: RegExp;
}

const messages = [{ role: "user", content: "Hi" }];
const withMessage = (message: unknown) => ({ model: "large", messages: [messages[0], message] });
const missing = "missing_required_parameter";
const type = "invalid_type";
const value = "invalid_value";

const bodies: readonly Case[] = [
  { name: "empty", body: "", status: 400, code: "empty_body", message: /empty/ },
  { name: "white space", body: " \n", status: 400, code: "empty_body", message: /empty/ },
  {
    name: "cut JSON",
    body: '{"model": "large", "messages": [',
    status: 400,
    code: "invalid_json",
    message: /not valid JSON/,
  },
  { name: "not JSON", body: "model=large", status: 400, code: "invalid_json", message: /not valid JSON/ },
  {
    name: "NaN",
    body: '{"model": "large", "temperature": NaN}',
    status: 400,
    code: "invalid_json",
    message: /not valid JSON/,
  },
  { name: "two documents", body: "{} {}", status: 400, code: "invalid_json", message: /not valid JSON/ },
  {
    name: "broken UTF-8",
    body: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    status: 400,
    code: "invalid_encoding",
    message: /not valid UTF-8/,
  },
  {
    name: "UTF-16",
    body: Buffer.from('{"model": "large"}', "utf16le"),
    status: 400,
    code: "invalid_json",
    message: /not valid JSON/,
  },
  {
    name: "nested too deep",
    body: "[".repeat(5_000),
    status: 400,
    code: "invalid_json",
    message: /nested deeper than 200/,
  },
  {
    name: "a list",
    body: [],
    status: 400,
    code: type,
    message: /request body: received an array, expected an object/,
  },
  { name: "null", body: "null", status: 400, code: type, message: /request body: received null/ },
  { name: "a number", body: "3", status: 400, code: type, message: /request body: received 3/ },
  {
    name: "too long, length announced",
    body: { x: "y".repeat(LIMIT_BYTES) },
    status: 413,
    code: "request_too_large",
    message: /longer than 20000 bytes/,
  },
  {
    name: "compressed",
    headers: { "content-encoding": "gzip" },
    body: gzipSync("{}"),
    status: 415,
    code: "media_type_unsupported",
    message: /content-encoding: received "gzip"/,
  },
  {
    name: "text/plain",
    headers: { "content-type": "text/plain" },
    body: { model: "large", messages },
    status: 415,
    code: "media_type_unsupported",
    message: /received "text\/plain"/,
  },
  {
    name: "a form",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "model=large",
    status: 415,
    code: "media_type_unsupported",
    message: /expected application\/json/,
  },
  {
    name: "latin-1",
    headers: { "content-type": "application/json; charset=latin1" },
    body: {},
    status: 415,
    code: "media_type_unsupported",
    message: /charset latin1/,
  },
  {
    name: "no content type",
    headers: { "content-type": "" },
    body: {},
    status: 415,
    code: "media_type_unsupported",
    message: /received none/,
  },
];

const fields: readonly Case[] = [
  {
    name: "no model",
    body: { messages },
    status: 400,
    code: missing,
    param: "model",
    message: /model: missing, expected a string/,
  },
  {
    name: "model is a number",
    body: { model: 3, messages },
    status: 400,
    code: type,
    param: "model",
    message: /received 3, expected a string/,
  },
  {
    name: "model is empty",
    body: { model: "", messages },
    status: 400,
    code: value,
    param: "model",
    message: /at least 1 character/,
  },
  {
    name: "unknown model",
    body: { model: "larg", messages },
    status: 404,
    code: "model_not_found",
    param: "model",
    message: /did you mean "large"\?/,
  },
  {
    name: "model called like a built-in",
    body: { model: "__proto__", messages },
    status: 404,
    code: "model_not_found",
    param: "model",
    message: /see GET \/v1\/models/,
  },
  {
    name: "no messages",
    body: { model: "large" },
    status: 400,
    code: missing,
    param: "messages",
    message: /messages: missing, expected an array/,
  },
  {
    name: "messages is text",
    body: { model: "large", messages: "Hi" },
    status: 400,
    code: type,
    param: "messages",
    message: /expected an array/,
  },
  {
    name: "messages is empty",
    body: { model: "large", messages: [] },
    status: 400,
    code: value,
    param: "messages",
    message: /at least 1 element/,
  },
  {
    name: "a message is text",
    body: withMessage("Hi"),
    status: 400,
    code: type,
    param: "messages[1]",
    message: /received the string "Hi", expected an object/,
  },
  {
    name: "a message is null",
    body: withMessage(null),
    status: 400,
    code: type,
    param: "messages[1]",
    message: /received null/,
  },
  {
    name: "no role",
    body: withMessage({ content: "Hi" }),
    status: 400,
    code: missing,
    param: "messages[1].role",
    message: /role: missing, expected "system" or /,
  },
  {
    name: "unknown role",
    body: withMessage({ role: "robot", content: "Hi" }),
    status: 400,
    code: value,
    param: "messages[1].role",
    message: /received the string "robot"/,
  },
  {
    name: "no content",
    body: withMessage({ role: "user" }),
    status: 400,
    code: missing,
    param: "messages[1].content",
    message: /content: missing/,
  },
  {
    name: "content null from a user",
    body: withMessage({ role: "user", content: null }),
    status: 400,
    code: missing,
    param: "messages[1].content",
    message: /content: missing/,
  },
  {
    name: "content is a number",
    body: withMessage({ role: "user", content: 3 }),
    status: 400,
    code: type,
    param: "messages[1].content",
    message: /received a number/,
  },
  {
    name: "content is an object",
    body: withMessage({ role: "user", content: {} }),
    status: 400,
    code: type,
    param: "messages[1].content",
    message: /received an object/,
  },
  {
    name: "no content parts",
    body: withMessage({ role: "user", content: [] }),
    status: 400,
    code: value,
    param: "messages[1].content",
    message: /empty array/,
  },
  {
    name: "a content part is text",
    body: withMessage({ role: "user", content: ["Hi"] }),
    status: 400,
    code: type,
    param: "messages[1].content[0]",
    message: /expected an object/,
  },
  {
    name: "a content part without type",
    body: withMessage({ role: "user", content: [{ text: "Hi" }] }),
    status: 400,
    code: missing,
    param: "messages[1].content[0].type",
    message: /type: missing/,
  },
  {
    name: "a text part without text",
    body: withMessage({ role: "user", content: [{ type: "text" }] }),
    status: 400,
    code: missing,
    param: "messages[1].content[0].text",
    message: /text: missing/,
  },
  {
    name: "a text part with a number",
    body: withMessage({ role: "user", content: [{ type: "text", text: 3 }] }),
    status: 400,
    code: type,
    param: "messages[1].content[0].text",
    message: /received a number/,
  },
  {
    name: "stream is text",
    body: { model: "large", messages, stream: "true" },
    status: 400,
    code: type,
    param: "stream",
    message: /expected a boolean/,
  },
  {
    name: "stream_options without stream",
    body: { model: "large", messages, stream_options: { include_usage: true } },
    status: 400,
    code: value,
    param: "stream_options",
    message: /only allowed when stream is true/,
  },
  {
    name: "include_usage is a number",
    body: { model: "large", messages, stream: true, stream_options: { include_usage: 1 } },
    status: 400,
    code: type,
    param: "stream_options.include_usage",
    message: /expected a boolean/,
  },
  {
    name: "temperature is text",
    body: { model: "large", messages, temperature: "hot" },
    status: 400,
    code: type,
    param: "temperature",
    message: /received the string "hot", expected a number/,
  },
  {
    name: "temperature out of range",
    body: { model: "large", messages, temperature: -1 },
    status: 400,
    code: value,
    param: "temperature",
    message: /received -1, expected a number >= 0/,
  },
  {
    name: "temperature overflows",
    body: '{"model": "large", "messages": [{"role": "user", "content": "Hi"}], "temperature": 1e999}',
    status: 400,
    code: type,
    param: "temperature",
    message: /Infinity/,
  },
  {
    name: "top_p out of range",
    body: { model: "large", messages, top_p: 1.5 },
    status: 400,
    code: value,
    param: "top_p",
    message: /<= 1/,
  },
  {
    name: "max_tokens is a fraction",
    body: { model: "large", messages, max_tokens: 1.5 },
    status: 400,
    code: type,
    param: "max_tokens",
    message: /received 1.5, expected an integer/,
  },
  {
    name: "max_tokens is zero",
    body: { model: "large", messages, max_tokens: 0 },
    status: 400,
    code: value,
    param: "max_tokens",
    message: /> 0/,
  },
  {
    name: "n is zero",
    body: { model: "large", messages, n: 0 },
    status: 400,
    code: value,
    param: "n",
    message: />= 1/,
  },
  {
    name: "tools is an object",
    body: { model: "large", messages, tools: {} },
    status: 400,
    code: type,
    param: "tools",
    message: /expected an array/,
  },
  {
    name: "a prompt without a recording",
    body: { model: "large", messages: [{ role: "user", content: "?" }] },
    status: 404,
    code: "replay_missing",
    message: /no recorded response/,
  },
];

const feedback: readonly Case[] = (
  [
    ["no id", { thumb: "up" }, "id", missing, /id: missing/],
    ["a blank id", { id: " ", thumb: "up" }, "id", value, /blank/],
    ["an id that is a number", { id: 7, thumb: "up" }, "id", type, /received 7, expected a string/],
    ["a very long id", { id: "x".repeat(201), thumb: "up" }, "id", value, /id: /],
    ["neither thumb nor choice", { id: "a" }, "thumb", missing, /either a thumb or a choice/],
    ["both", { id: "a", rival: "b", thumb: "up", choice: "tie" }, "thumb", missing, /beside choice/],
    ["a choice against nothing", { id: "a", choice: "first" }, "rival", missing, /id of the other answer/],
    ["a thumb about two", { id: "a", rival: "b", thumb: "up" }, "rival", value, /about one answer/],
    ["another thumb", { id: "a", thumb: "sideways" }, "thumb", value, /thumb: /],
    [
      "a field that nobody knows",
      { id: "a", thump: "up" },
      "thump",
      "unknown_parameter",
      /did you mean "thumb"/,
    ],
    ["an empty annotator", { id: "a", thumb: "up", annotator: "" }, "annotator", value, /blank/],
    [
      "a store that is not there",
      { id: "a", thumb: "up" },
      "id",
      "answer_not_found",
      /start it with --store/,
    ],
  ] as const
).map(([name, body, param, code, message]) => ({
  ...{ name, path: "/v1/feedback", body, param, code, message },
  status: code === "answer_not_found" ? 404 : 400,
}));

const routes: readonly Case[] = [
  {
    name: "unknown route",
    method: "GET",
    path: "/v1/nothing",
    status: 404,
    code: "route_not_found",
    message: /no route for GET \/v1\/nothing/,
  },
  {
    name: "unknown route, POST",
    path: "/v1/embeddings",
    body: {},
    status: 404,
    code: "route_not_found",
    message: /no route for POST/,
  },
  {
    name: "GET on chat completions",
    method: "GET",
    status: 405,
    code: "method_not_allowed",
    message: /GET is not possible here, only POST/,
  },
  {
    name: "DELETE on models",
    method: "DELETE",
    path: "/v1/models",
    status: 405,
    code: "method_not_allowed",
    message: /only GET/,
  },
  {
    name: "unknown decision",
    method: "GET",
    path: "/v1/decisions/dec_0",
    status: 404,
    code: "decision_not_found",
    param: "id",
    message: /no decision "dec_0"/,
  },
  {
    name: "decision with a broken escape",
    method: "GET",
    path: "/v1/decisions/%zz",
    status: 404,
    code: "decision_not_found",
    param: "id",
    message: /no decision/,
  },
  {
    name: "unknown model by path",
    method: "GET",
    path: "/v1/models/smol",
    status: 404,
    code: "model_not_found",
    param: "model",
    message: /did you mean "small"\?/,
  },
];

describe.each([
  ["bodies", bodies],
  ["fields", fields],
  ["feedback", feedback],
  ["routes", routes],
])("%s", (_name, cases) => {
  it.each(cases)("$name", async (row) => {
    const { method = "POST", path = "/v1/chat/completions", body, headers } = row;
    const raw =
      body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const answer = await send(method, path, { "content-type": "application/json", ...headers }, raw);
    expect(answer.status).toBe(row.status);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
    expect(answer.headers["x-request-id"]).toMatch(/^req_/);
    const { error } = JSON.parse(answer.text);
    expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
    expect(error).toMatchObject({ type: "invalid_request_error", code: row.code, param: row.param ?? null });
    expect(error.message).toMatch(row.message);
  });
});

describe("what is not an error", () => {
  it("accepts nulls, unknown parameters, a charset and an assistant turn without content", async () => {
    const answer = await send(
      "POST",
      "/v1/chat/completions",
      { "content-type": "Application/JSON; charset=UTF-8" },
      JSON.stringify({
        model: "large",
        messages: [
          { role: "user", content: "earlier" },
          { role: "assistant", content: null, tool_calls: [] },
          {
            role: "user",
            content: [
              { type: "text", text: "What is 2 + 2?" },
              { type: "image_url", image_url: { url: "x" } },
            ],
          },
        ],
        temperature: null,
        stream: null,
        logit_bias: {},
        unheard_of: { deep: [1] },
      }),
    );
    expect(answer.status).toBe(200);
  });

  it("refuses a chunked body as soon as it is too long", async () => {
    const answer = await send(
      "POST",
      "/v1/chat/completions",
      { "content-type": "application/json", "transfer-encoding": "chunked" },
      "x".repeat(LIMIT_BYTES + 1),
    );
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text).error.code).toBe("request_too_large");
  });

  it("names the allowed methods in the Allow header", async () => {
    expect((await send("PUT", "/v1/chat/completions", {}, undefined)).headers.allow).toBe("POST");
  });

  it("is still healthy after all of them", async () => {
    const answer = await send("GET", "/healthz", {}, undefined);
    expect(JSON.parse(answer.text)).toEqual({ status: "ok", router: "length", models: 2 });
  });
});

/** Below fetch, which would repair or refuse some of these requests itself. */
function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer | undefined,
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      const length =
        body === undefined || headers["transfer-encoding"]
          ? {}
          : { "content-length": Buffer.byteLength(body) };
      const request = httpRequest(
        `${server.url}${path}`,
        { method, headers: { ...headers, ...length } },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (piece: string) => {
            text += piece;
          });
          response.on("end", () =>
            resolve({ status: response.statusCode!, headers: response.headers, text }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    },
  );
}
