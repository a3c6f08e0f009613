/** Addresses, files and rows that are not what a store expects. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkStore, openStore, type PromptRow, type ResponseRow } from "../../src/judged/index.ts";
import { withoutPassword } from "../../src/judged/store/postgres.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { collect, judgementRow, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-bad-stores-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function failureOf(work: Promise<unknown>): Promise<TuttiError> {
  try {
    await work;
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

test("addresses and files that are no store", async () => {
  const jsonl = join(folder, "records.jsonl");
  writeFileSync(jsonl, '{"id": "a"}\n'.repeat(500));
  mkdirSync(join(folder, "sub"));
  expect(await failureOf(openStore(jsonl))).toMatchObject({ code: "STORE_INVALID" });
  expect(await failureOf(openStore(join(folder, "sub")))).toMatchObject({ code: "STORE_UNREACHABLE" });
  expect(await failureOf(openStore(join(folder, "none/store.db")))).toMatchObject({
    code: "STORE_UNREACHABLE",
  });
  expect(await failureOf(openStore("mysql://user:hunter2@host/x"))).toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  expect(await failureOf(openStore(""))).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(await failureOf(checkStore(join(folder, "new.db")))).toMatchObject({ code: "FILE_NOT_FOUND" });
  expect(readdirSync(folder).sort()).toEqual(["records.jsonl", "sub"]);
  const byScheme = await openStore(`sqlite:${join(folder, "store.db")}`);
  await byScheme.close();
  await (await openStore(join(folder, "store.db"))).close();
});

test("a damaged database file is said to be damaged", async () => {
  const file = join(folder, "damaged.db");
  const store = await openStore(file);
  await store.putPrompts(Array.from({ length: 2000 }, (_, index) => promptRow(index)));
  await store.close();
  const bytes = readFileSync(file);
  expect(bytes.length).toBeGreaterThan(400_000); // nothing is left in the log beside it
  bytes.fill(0xa5, bytes.length / 2, bytes.length / 2 + 40_000);
  writeFileSync(file, bytes);
  const { problems, problemCount } = await checkStore(file);
  expect(problemCount).toBeGreaterThan(0);
  expect(problems.some(({ kind }) => kind === "damaged")).toBe(true);
});

test("passwords are never shown", async () => {
  expect(withoutPassword("postgres://me:hunter2@host:5/db?sslmode=disable")).toBe(
    "postgres://me@host:5/db?sslmode=disable",
  );
  const addresses = [
    "postgres://me:hunter2@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?user=me&password=hunter2",
    "postgres://me:hunter2@127.0.0.1:1/db?schema=No%20Name",
    "postgres://me:hunter2@[bad/db",
    "postgres://me:hunter2@host:port/db",
  ];
  for (const address of addresses) {
    const error = await failureOf(openStore(address));
    const told = [error.message, error.hint, error.stack, JSON.stringify(error.details)].join("\n");
    expect(told).not.toContain("hunter2");
    let { cause } = error;
    while (cause instanceof Error) {
      expect(`${cause.message} ${JSON.stringify(cause)}`).not.toContain("hunter2");
      cause = cause.cause;
    }
  }
});

describeStores((place) => {
  test("rows that are wrong are refused whole, naming table, key and field", async () => {
    const store = await place.open();
    const good = promptRow(1);
    const bad: readonly [unknown, RegExp][] = [
      [{ ...good, key: "0".repeat(32) }, /prompts "0+": key: received/],
      [{ ...good, id: 7 }, /id: received 7, expected a string/],
      [{ ...promptRow(2), createdAt: undefined }, /createdAt: received nothing/],
      [promptRow(3, { messages: [] }), /messages: received \[\]/],
    ];
    for (const [row, message] of bad) {
      const error = await failureOf(store.putPrompts([good, row as PromptRow]));
      expect(error.code).toBe("STORE_INVALID");
      expect(error.message).toMatch(message);
    }
    expect(await collect(store.prompts())).toEqual([]);
    await store.putPrompts([good]);
    const answer = responseRow(good);
    for (const fields of [{ costUsd: Number.NaN }, { seedIndex: 0.5 }, { text: null }, { status: "fine" }]) {
      const row = responseRow(good, fields as unknown as Partial<ResponseRow>);
      expect((await failureOf(store.putResponses([answer, row]))).code).toBe("STORE_INVALID");
    }
    const infinite = judgementRow(answer, { score: Number.POSITIVE_INFINITY });
    expect((await failureOf(store.putAll({ responses: [answer], judgements: [infinite] }))).code).toBe(
      "STORE_INVALID",
    );
    expect(await collect(store.responses())).toEqual([]);
  });

  test("rows that refer to nothing are refused, and what came with them", async () => {
    const store = await place.open();
    const prompt = promptRow(1);
    const error = await failureOf(
      store.putAll({ prompts: [prompt], judgements: [judgementRow(responseRow(prompt))] }),
    );
    expect(error).toMatchObject({ code: "STORE_INVALID" });
    expect(error.message).toContain("refers to a row that the store does not have");
    expect(await collect(store.prompts())).toEqual([]);
  });

  test("calls side by side do not get into each other's transactions", async () => {
    const [one, two] = [await place.open(), await place.open()];
    const prompts = Array.from({ length: 400 }, (_, index) => promptRow(index));
    const orphan = judgementRow(responseRow(promptRow(999)));
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => {
        const store = index % 2 === 0 ? one : two;
        if (index % 5 === 0)
          return store.putAll({ prompts: [promptRow(1000 + index)], judgements: [orphan] });
        // Overlapping ranges, in both orders.
        const some = prompts.slice(index * 8, index * 8 + 100);
        return store.putPrompts(index % 3 === 0 ? some : some.toReversed());
      }),
    );
    expect(results.filter(({ status }) => status === "rejected").length).toBe(8);
    const inserted = results.reduce(
      (sum, result) =>
        sum + (result.status === "fulfilled" ? (result.value as { inserted: number }).inserted : 0),
      0,
    );
    expect((await collect(one.prompts())).length).toBe(inserted);
    expect(new Set((await collect(two.prompts())).map(({ key }) => key))).toEqual(
      new Set(prompts.slice(8).map(({ key }) => key)),
    );
  });

  test("filters, in the order of keys, over several pages", async () => {
    const store = await place.open();
    const prompts = Array.from({ length: 600 }, (_, index) =>
      promptRow(index, {
        domain: index % 2 === 0 ? "even" : "odd",
        split: index % 3 === 0 ? "test" : "train",
      }),
    );
    const responses = prompts.flatMap((prompt) =>
      ["a", "b"].map((model) => responseRow(prompt, { model, source: `from ${model}` })),
    );
    await store.putAll({ prompts, responses, judgements: responses.map((row) => judgementRow(row)) });
    const keysOf = async (rows: AsyncIterable<{ readonly key: string }>) =>
      (await collect(rows)).map(({ key }) => key);
    const sorted = (rows: readonly { readonly key: string }[]) => rows.map(({ key }) => key).sort();
    expect(await keysOf(store.prompts())).toEqual(sorted(prompts));
    const even = prompts.filter(({ domain }) => domain === "even");
    expect(await keysOf(store.prompts({ domains: ["even"] }))).toEqual(sorted(even));
    expect(await keysOf(store.prompts({ domains: ["even"], splits: ["test"] }))).toEqual(
      sorted(even.filter(({ split }) => split === "test")),
    );
    expect(await keysOf(store.prompts({ domains: [] }))).toEqual([]);
    expect(await keysOf(store.prompts({ keys: [...sorted(even).reverse(), "none"] }))).toEqual(sorted(even));
    const evenKeys = new Set(even.map(({ key }) => key));
    const wanted = responses.filter(({ model, promptKey }) => model === "b" && evenKeys.has(promptKey));
    expect(await keysOf(store.responses({ domains: ["even"], models: ["b"] }))).toEqual(sorted(wanted));
    expect(await keysOf(store.responses({ sources: ["from b"], promptKeys: [...evenKeys] }))).toEqual(
      sorted(wanted),
    );
    const judged = wanted.map((row) => judgementRow(row));
    expect(await keysOf(store.judgements({ domains: ["even"], models: ["b"] }))).toEqual(sorted(judged));
    expect(await keysOf(store.judgements({ responseKeys: wanted.map(({ key }) => key) }))).toEqual(
      sorted(judged),
    );
    expect(await keysOf(store.judgements({ judges: ["nobody"] }))).toEqual([]);
  });
});
