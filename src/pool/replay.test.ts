import { describe, expect, it } from "vitest";
import { createReplayUpstream, ReplayStore, splitIntoPieces } from "./replay.ts";

const ask = (content: string) => ({ messages: [{ role: "user", content }], parameters: {} });
const record = (prompt: string, response: string, tokens?: number) => ({
  prompt,
  candidates: { a: { response, ...(tokens === undefined ? {} : { tokens }) } },
});

describe("splitIntoPieces", () => {
  it.each([
    "",
    " ",
    "word",
    "two words",
    "  spaces around \n\n",
    "x".repeat(100),
    "\u{1f600}".repeat(70),
    `\u6f22\u5b57${"\u3000"}\t\u{1d54f}`,
  ])("keeps %j whole", (text) => {
    const pieces = splitIntoPieces(text);
    expect(pieces.join("")).toBe(text);
    for (const piece of pieces) {
      expect(piece).not.toBe("");
      expect(piece).not.toMatch(/\p{Surrogate}/u);
      expect([...piece.trim()].length).toBeLessThanOrEqual(32);
    }
  });

  it("cuts at words", () => {
    expect(splitIntoPieces("The answer\nis 4. ")).toEqual(["The", " answer", "\nis", " 4.", " "]);
  });
});

describe("ReplayStore", () => {
  it("keeps the first of two answers and gathers candidates over records of one prompt", () => {
    const store = new ReplayStore([
      record("p", "first", 3),
      record("p", "second"),
      { prompt: " p\n", candidates: { b: { response: "other" } } },
    ]);
    expect(store.numPrompts).toBe(1);
    expect(store.candidates).toEqual(["a", "b"]);
    expect(store.find("a", ask("p"))).toEqual({ response: "first", tokens: 3 });
    expect(store.find("b", ask("p"))).toMatchObject({ response: "other" });
    expect(store.find("c", ask("p"))).toBeUndefined();
    expect(store.find("a", ask("P"))).toBeUndefined();
  });

  it("looks at the last user message when the conversation as a whole has no recording", () => {
    const store = new ReplayStore([record("p", "answer")]);
    const messages = [
      { role: "user", content: "before" },
      { role: "assistant", content: "..." },
      { role: "user", content: "p" },
    ];
    expect(store.find("a", { messages, parameters: {} })).toMatchObject({ response: "answer" });
    expect(store.find("a", { messages: [], parameters: {} })).toBeUndefined();
  });

  it("is not confused by names of built-ins", () => {
    const store = new ReplayStore([record("__proto__", "answer")]);
    expect(store.find("toString", ask("__proto__"))).toBeUndefined();
    expect(store.find("a", ask("constructor"))).toBeUndefined();
  });
});

describe("createReplayUpstream", () => {
  it("stops streaming when aborted", async () => {
    const upstream = createReplayUpstream({
      name: "a",
      candidate: "a",
      store: new ReplayStore([record("p", "one two")]),
    });
    const controller = new AbortController();
    const read = async () => {
      for await (const _chunk of upstream.streamChat(ask("p"), { signal: controller.signal }))
        controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
  });
});
