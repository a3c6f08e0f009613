/**
 * The OpenAI doors of the servers that people run, each with its own shapes: answers, streams and errors of `wire/NAME.json`
 * served over HTTP. Those marked as recorded came from a running server (`tools/fixtures/openai_servers.py`), the others follow the
 * servers' documentation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createOpenAiCompatibleUpstream, type Upstream } from "../../src/pool/index.ts";
import { outcomeOf } from "../../src/pool/sampling/outcome.ts";
import { neverAborted, startProvider, USER_MESSAGE } from "./provider-server.ts";

interface WireAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Wire {
  readonly server: string;
  readonly recorded?: true;
  readonly chat: WireAnswer;
  readonly stream: WireAnswer;
  readonly score?: WireAnswer;
  readonly error: WireAnswer;
  readonly expected: {
    readonly text: string;
    readonly finish: string;
    readonly prompt: number;
    readonly completion: number;
    /** Some leave the counts out of streams; they are estimated then. */
    readonly streamsUsage?: false;
    readonly logProbability?: number;
    readonly error: string;
  };
}

const FOLDER = join(import.meta.dirname, "wire");
const wires = readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Wire);
const FREE = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };
const request = { messages: USER_MESSAGE, parameters: { max_tokens: 8 } };

async function upstreamOf(choose: (body: Readonly<Record<string, unknown>>) => WireAnswer) {
  const provider = await startProvider(({ body }, response) => {
    const { status, type, body: text } = choose(body);
    response.writeHead(status, { "content-type": type }).end(text);
  });
  const upstream: Upstream = createOpenAiCompatibleUpstream({
    name: "m",
    baseUrl: `${provider.origin}/v1`,
    upstreamModel: "served",
    timeoutMs: 5_000,
    continuationScoring: "prompt_logprobs",
  });
  return { provider, upstream };
}

it("covers the five servers, and one that was recorded", () => {
  expect(wires.filter(({ recorded }) => recorded).map(({ server }) => server)).toEqual([
    "llama-cpp-python 0.3.36",
  ]);
  expect(
    wires
      .filter(({ recorded }) => !recorded)
      .map(({ server }) => server)
      .sort(),
  ).toEqual(["Ollama", "SGLang", "Text Generation Inference", "llama.cpp server", "vLLM"]);
});

describe.each(wires)("$server", ({ chat, stream, error, expected }) => {
  it("answers with text, finish reason, counts and log-probabilities", async () => {
    const { provider, upstream } = await upstreamOf(() => chat);
    const answer = await upstream.chat(request, { signal: neverAborted() });
    expect(provider.requests[0]).toMatchObject({
      path: "/v1/chat/completions",
      body: { model: "served", max_tokens: 8, messages: USER_MESSAGE },
    });
    const outcome = outcomeOf(answer, USER_MESSAGE, FREE);
    expect(outcome).toMatchObject({
      text: expected.text,
      status: "ok",
      finishReason: expected.finish,
      promptTokens: expected.prompt,
      completionTokens: expected.completion,
    });
    if (expected.logProbability === undefined) expect(outcome.logProbability).toBeUndefined();
    else expect(outcome.logProbability).toBeCloseTo(expected.logProbability, 12);
  });

  it("streams the same, with usage where the server gives it", async () => {
    const { provider, upstream } = await upstreamOf(() => stream);
    let text = "";
    let finish: unknown;
    let usage: unknown;
    for await (const chunk of upstream.streamChat(request, { signal: neverAborted() })) {
      const [choice] = chunk.choices;
      text += (choice?.delta as { content?: string | null } | undefined)?.content ?? "";
      finish = choice?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(provider.requests[0]!.body).toMatchObject({ stream_options: { include_usage: true } });
    expect({ text, finish }).toEqual({ text: expected.text, finish: expected.finish });
    const counts = { prompt_tokens: expected.prompt, completion_tokens: expected.completion };
    if (expected.streamsUsage === false) expect(usage).toBeUndefined();
    else expect(usage).toMatchObject(counts);
  });

  it("says in its own words what it refuses", async () => {
    const { upstream } = await upstreamOf(() => error);
    await expect(upstream.chat(request, { signal: neverAborted() })).rejects.toMatchObject({
      code: error.status === 404 ? "UPSTREAM_FAILED" : "UPSTREAM_REJECTED",
      message: expect.stringContaining(expected.error),
    });
  });
});

it("vLLM scores a given continuation", async () => {
  const { chat, score } = wires.find(({ server }) => server === "vLLM")!;
  const { provider, upstream } = await upstreamOf((body) => ("prompt_logprobs" in body ? score! : chat));
  const scored = await upstream.score!(
    { messages: USER_MESSAGE, continuation: "OK!" },
    { signal: neverAborted() },
  );
  expect(scored).toEqual({
    logProbability: -2.75,
    tokens: [
      { logProbability: -2, text: "OK" },
      { logProbability: -0.75, text: "!" },
    ],
  });
  expect(provider.requests[1]!.body).toMatchObject({
    prompt_logprobs: 0,
    add_generation_prompt: false,
    continue_final_message: true,
    messages: [...USER_MESSAGE, { role: "assistant", content: "OK!" }],
  });
});

it("a server that leaves prompt_logprobs out is told apart from one that scores", async () => {
  const { chat } = wires.find(({ server }) => server === "Ollama")!;
  const { upstream } = await upstreamOf(() => chat);
  const scoring = upstream.score!(
    { messages: USER_MESSAGE, continuation: "OK!" },
    { signal: neverAborted() },
  );
  await expect(scoring).rejects.toMatchObject({
    code: "UPSTREAM_FAILED",
    message: expect.stringContaining("no prompt_logprobs"),
  });
});
