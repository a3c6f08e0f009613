/** The official client against a gateway whose models replay recorded answers. */
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { LONG_PROMPT, lengthRouter, MIXED_ANSWER, SHORT_PROMPT, startGateway } from "./support.ts";

const user = (content: string) => [{ role: "user" as const, content }];

describe("chat completions", () => {
  it("routes tutti/auto by the prompt and says which model answered", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const long = await client.chat.completions
      .create({ model: "tutti/auto", messages: user(LONG_PROMPT) })
      .withResponse();
    expect(long.data.model).toBe("large");
    expect(long.data.object).toBe("chat.completion");
    expect(long.data.choices[0]!.message).toMatchObject({
      role: "assistant",
      content: "Suppose there were finitely many; multiply them all and add one.",
    });
    expect(long.data.choices[0]!.finish_reason).toBe("stop");
    expect(long.response.headers.get("x-tutti-model")).toBe("large");
    expect(long.response.headers.get("x-tutti-router")).toBe("length");
    expect(Number(long.response.headers.get("x-tutti-routing-ms"))).toBeGreaterThanOrEqual(0);
    expect(long.response.headers.get("x-tutti-decision-id")).toMatch(/^dec_[0-9a-f]{32}$/);
    expect(long.request_id).toMatch(/^req_[0-9a-f]{32}$/);

    const short = await client.chat.completions
      .create({ model: "tutti/auto", messages: user(SHORT_PROMPT) })
      .withResponse();
    expect(short.data.model).toBe("small");
    expect(short.data.choices[0]!.message.content).toBe(MIXED_ANSWER);
    expect(short.response.headers.get("x-tutti-model")).toBe("small");
  });

  it("answers from a named model without asking the router", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const { data, response } = await client.chat.completions
      .create({ model: "large", messages: user(SHORT_PROMPT) })
      .withResponse();
    expect(data.choices[0]!.message.content).toBe("The answer is four.");
    expect(response.headers.get("x-tutti-model")).toBe("large");
    expect(response.headers.get("x-tutti-router")).toBeNull();
  });

  it("counts recorded tokens where they are recorded and marks estimates", async () => {
    const { client } = await startGateway();
    const recorded = await client.chat.completions.create({ model: "large", messages: user(SHORT_PROMPT) });
    // 14 bytes of prompt: ceil(14 / 4) tokens.
    expect(recorded.usage).toEqual({
      prompt_tokens: 4,
      completion_tokens: 5,
      total_tokens: 9,
      tutti_source: "recorded",
    });
    const estimated = await client.chat.completions.create({ model: "small", messages: user(SHORT_PROMPT) });
    expect(estimated.usage).toMatchObject({
      completion_tokens: Math.ceil(Buffer.byteLength(MIXED_ANSWER) / 4),
      tutti_source: "estimated",
    });
  });

  it("reads text parts, ignores system messages that no record has, and follows recorded conversations", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const parts = await client.chat.completions.create({
      model: "tutti/auto",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: [{ type: "text", text: SHORT_PROMPT }] },
      ],
    });
    expect(parts.choices[0]!.message.content).toBe(MIXED_ANSWER);
    const conversation = await client.chat.completions.create({
      model: "large",
      messages: [
        { role: "user", content: "My name is Ada." },
        { role: "assistant", content: "Hello Ada." },
        { role: "user", content: "What is my name?" },
      ],
    });
    expect(conversation.choices[0]!.message.content).toBe("Ada.");
    // The last turn by itself was never recorded: it must not be answered from another conversation.
    await expect(
      client.chat.completions.create({ model: "large", messages: user("What is my name?") }),
    ).rejects.toMatchObject({ code: "replay_missing" });
  });
});

describe("streaming", () => {
  it("streams the recorded answer in pieces that never split a character", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const { data: stream, response } = await client.chat.completions
      .create({ model: "tutti/auto", messages: user(SHORT_PROMPT), stream: true })
      .withResponse();
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("x-tutti-model")).toBe("small");
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "");
    expect(pieces.join("")).toBe(MIXED_ANSWER);
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(4);
    expect(pieces.every((piece) => !/\p{Surrogate}/u.test(piece))).toBe(true);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(chunks.every((chunk) => chunk.model === "small" && chunk.object === "chat.completion.chunk")).toBe(
      true,
    );
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe("stop");
    // Usage was not asked for.
    expect(chunks.every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  it("ends with usage when asked to", async () => {
    const { client } = await startGateway();
    const stream = await client.chat.completions.create({
      model: "large",
      messages: user(SHORT_PROMPT),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 4, completion_tokens: 5, total_tokens: 9 },
    });
    expect(chunks.filter((chunk) => chunk.usage).length).toBe(1);
  });

  it("gives the final answer through the client's stream helper", async () => {
    const { client } = await startGateway();
    const stream = client.chat.completions.stream({ model: "small", messages: user(SHORT_PROMPT) });
    expect(await stream.finalContent()).toBe(MIXED_ANSWER);
  });

  it("keeps the HTTP status of failures before the first piece", async () => {
    const { client } = await startGateway();
    await expect(
      client.chat.completions.create({ model: "large", messages: user("never recorded"), stream: true }),
    ).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("errors as the client sees them", () => {
  it("suggests the nearest model", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const failure = client.chat.completions.create({ model: "lage", messages: user("Hi") });
    await expect(failure).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(failure).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
      type: "invalid_request_error",
      message: expect.stringContaining('did you mean "large"?'),
    });
  });

  it("names the field of a bad request", async () => {
    const { client } = await startGateway();
    const failure = client.chat.completions.create({ model: "large", messages: user("Hi"), temperature: 9 });
    await expect(failure).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(failure).rejects.toMatchObject({ param: "temperature", code: "invalid_value" });
  });

  it("refuses several answers from a replay model", async () => {
    const { client } = await startGateway();
    await expect(
      client.chat.completions.create({ model: "large", messages: user(SHORT_PROMPT), n: 2 }),
    ).rejects.toMatchObject({ status: 400, param: "n" });
  });

  it("explains that tutti/auto needs a router", async () => {
    const { client } = await startGateway();
    await expect(
      client.chat.completions.create({ model: "tutti/auto", messages: user("Hi") }),
    ).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining("start the gateway with a router"),
    });
  });
});

describe("models", () => {
  it("lists the pool, and tutti/auto when there is a router", async () => {
    const { client } = await startGateway({ router: lengthRouter });
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual(["tutti/auto", "large", "small"]);
    expect(await client.models.retrieve("tutti/auto")).toMatchObject({ id: "tutti/auto", object: "model" });
    await expect(client.models.retrieve("smal")).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('did you mean "small"?'),
    });
    const plain = await startGateway();
    expect((await plain.client.models.list()).data.map(({ id }) => id)).toEqual(["large", "small"]);
  });
});
