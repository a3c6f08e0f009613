/** Tiny models in this process as upstreams: the same numbers as the generator itself, in chat-completions shape. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { createLocalUpstream, type Upstream } from "../../src/pool/index.ts";
import { writeModelFolder } from "../support/model-folder.ts";
import { neverAborted, USER_MESSAGE } from "./provider-server.ts";

const CONFIG = {
  model_type: "llama",
  vocab_size: 600,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  initializer_range: 0.4,
  tie_word_embeddings: true,
};
const TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>";
const PROMPT = "<user>Say OK.\n<assistant>";

let folder: string;
let path: string;
let chatTemplateFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-local-"));
  path = writeModelFolder(join(folder, "model"), CONFIG, 3);
  chatTemplateFile = join(folder, "plain.jinja");
  writeFileSync(chatTemplateFile, TEMPLATE);
});
afterAll(() => rmSync(folder, { recursive: true }));

function local(
  options: { chatTemplateFile?: string; weightBits?: 8 | 4; contextLength?: number } = { chatTemplateFile },
): Upstream {
  const upstream = createLocalUpstream({ name: "tiny", path, threads: 1, contextLength: 64, ...options });
  onTestFinished(() => upstream.close!());
  return upstream;
}

const chat = (upstream: Upstream, parameters: Record<string, unknown> = {}) =>
  upstream.chat(
    { messages: USER_MESSAGE, parameters: { max_tokens: 6, ...parameters } },
    { signal: neverAborted() },
  );

const textsOf = (answer: { choices: readonly Readonly<Record<string, unknown>>[] }) =>
  answer.choices.map(({ message }) => (message as { content: string }).content);

async function reference(): Promise<TextGenerator> {
  const generator = await TextGenerator.create(loadGenerationModel(path), { threads: 1, contextLength: 64 });
  onTestFinished(() => generator.dispose());
  return generator;
}

describe("answers", () => {
  it("are the generator's, with counts, and with log-probabilities where asked for", async () => {
    const generator = await reference();
    const [expected] = await generator.generate({
      prompt: generator.model.tokenizer.encode(PROMPT, { addSpecialTokens: false }).ids,
      maxTokens: 6,
      temperature: 0.7,
      topP: 0.9,
      seed: 5,
      topLogProbabilities: 2,
    });
    const answer = await chat(local(), {
      temperature: 0.7,
      top_p: 0.9,
      seed: 5,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(textsOf(answer)).toEqual([expected!.text]);
    expect(answer.choices[0]!.finish_reason).toBe("length");
    expect(answer.usage).toMatchObject({ completion_tokens: 6 });
    const { content } = answer.choices[0]!.logprobs as {
      content: { logprob: number; top_logprobs: unknown[] }[];
    };
    expect(content.map(({ logprob }) => logprob)).toEqual(
      expected!.tokens.map(({ logProbability }) => logProbability),
    );
    expect(content.every(({ top_logprobs }) => top_logprobs.length === 2)).toBe(true);
  });

  it("are the same alone and among others, and differ by seed", async () => {
    const upstream = local();
    const seeds = [1, 2, 3, 4, 5];
    const together = await Promise.all(seeds.map((seed) => chat(upstream, { seed })));
    const alone = [];
    for (const seed of seeds) alone.push(await chat(upstream, { seed }));
    expect(together.flatMap(textsOf)).toEqual(alone.flatMap(textsOf));
    expect(new Set(alone.flatMap(textsOf)).size).toBeGreaterThan(1);
  });

  it("come n at a time", async () => {
    expect((await chat(local(), { n: 3 })).choices.length).toBe(3);
  });

  it("stream the same text and end with usage", async () => {
    const upstream = local();
    const parameters = { max_tokens: 6, seed: 9 };
    let text = "";
    const chunks = [];
    for await (const chunk of upstream.streamChat(
      { messages: USER_MESSAGE, parameters },
      { signal: neverAborted() },
    )) {
      chunks.push(chunk);
      text += (chunk.choices[0]?.delta as { content?: string } | undefined)?.content ?? "";
    }
    expect([text]).toEqual(textsOf(await chat(upstream, { seed: 9 })));
    expect(chunks.at(-1)!.usage).toMatchObject({ completion_tokens: 6 });
  });

  it("end when the caller aborts", async () => {
    const controller = new AbortController();
    const upstream = local();
    const call = upstream.chat(
      { messages: USER_MESSAGE, parameters: {} },
      {
        signal: controller.signal,
        onAttempt: () => setImmediate(() => controller.abort(new Error("enough"))),
      },
    );
    await expect(call).rejects.toThrow("enough");
  });
});

it("scores a given continuation like the generator", async () => {
  const generator = await reference();
  const ids = generator.model.tokenizer.encode(PROMPT, { addSpecialTokens: false }).ids;
  const expected = await generator.score(ids, "OK, then");
  const scored = await local().score!(
    { messages: USER_MESSAGE, continuation: "OK, then" },
    { signal: neverAborted() },
  );
  expect(scored.logProbability).toBe(expected.logProbability);
  expect(scored.tokens.map(({ text }) => text).join("")).toBe("OK, then");
});

describe("identity", () => {
  it("is the hash of weights and template, and tells bits, context and templates apart", async () => {
    const plain = await local().identity!();
    const [, weights] = /^(sha256:[0-9a-f]{16})\/context64$/.exec(plain.revision)!;
    expect(plain.template).toMatch(/^sha256:[0-9a-f]{16}$/);
    expect(await local().identity!()).toEqual(plain);
    const other = await local({ chatTemplateFile, weightBits: 8, contextLength: 32 }).identity!();
    expect(other.revision).toBe(`${weights}/8bit/context32`);
    expect((await local({}).identity!()).template).toBe("none");
  });
});

describe("refusals", () => {
  it.each([
    ["tools", [{ type: "function" }], "REQUEST_INVALID"],
    ["response_format", { type: "json_object" }, "REQUEST_INVALID"],
    ["temperature", "hot", "REQUEST_INVALID"],
    ["temperature", -1, "UPSTREAM_REJECTED"],
    ["reasoning_effort", "high", "REQUEST_INVALID"],
  ])("%s: %j", async (name, value, code) => {
    await expect(chat(local(), { [name]: value })).rejects.toMatchObject({ code });
  });

  it("a model without a chat template says what to do", async () => {
    await expect(chat(local({}))).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      details: { isRetryable: false },
      message: expect.stringContaining("no chat template"),
    });
  });

  it("a model that cannot be opened", async () => {
    const upstream = createLocalUpstream({ name: "tiny", path: join(folder, "nowhere") });
    await expect(chat(upstream)).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      details: { isRetryable: false },
    });
  });

  it("a prompt that is too long", async () => {
    const messages = [{ role: "user", content: "long ".repeat(200) }];
    const call = local().chat({ messages, parameters: {} }, { signal: neverAborted() });
    await expect(call).rejects.toMatchObject({ code: "UPSTREAM_REJECTED" });
  });
});
