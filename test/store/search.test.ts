import { expect, test } from "vitest";
import { promptRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const TEXTS = [
  "Write a Python function that finds prime numbers.",
  "Is 17 a prime number?",
  'Say "content" twice: prime, prime, prime.\nNew line\\word \u0000end \ud800',
  "Größe und Übermut",
  "Nothing to see",
];

describeStores((place) => {
  test("searches words of prompts, whatever the text holds", async () => {
    const store = await place.open();
    await store.putPrompts(
      TEXTS.map((content, index) => promptRow(index, { messages: [{ role: "user", content }] })),
    );
    const found = async (query: string) => (await store.searchPrompts(query, 10)).map(({ id }) => id).sort();
    expect(await found("prime")).toEqual(["p-0", "p-1", "p-2"]);
    expect(await found("PRIME number")).toEqual(["p-1"]);
    expect(await found("prime -python")).toEqual(["p-1", "p-2"]);
    expect(await found('"a prime number"')).toEqual(["p-1"]);
    expect(await found('"number prime"')).toEqual([]);
    expect(await found("übermut")).toEqual(["p-3"]);
    // Names and values inside the stored JSON are not text of the prompt.
    expect(await found("role")).toEqual([]);
    expect(await found("user")).toEqual([]);
    expect(await found("content")).toEqual(["p-2"]);
    expect(await found("line word")).toEqual(["p-2"]);
    expect((await store.searchPrompts("prime", 1)).length).toBe(1);
    // Operators of either database are words like others.
    for (const query of [
      "prime AND OR NOT",
      "text:prime",
      "prime* ^prime",
      "(prime",
      "prime & | ! <->",
      "NEAR(a b)",
    ]) {
      await expect(found(query)).resolves.toBeInstanceOf(Array);
    }
  });

  test("prompts longer than an index takes are stored and found by their beginning", async () => {
    const store = await place.open();
    const words = Array.from({ length: 300_000 }, (_, index) => `w${index}`).join(" ");
    const prompt = promptRow(1, {
      messages: [{ role: "user", content: `unusual ${words} ${"x".repeat(5000)}` }],
    });
    await store.putPrompts([prompt]);
    expect((await store.searchPrompts("unusual w7", 5)).map(({ key }) => key)).toEqual([prompt.key]);
  });
});
