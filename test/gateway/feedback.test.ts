/** Thumbs and choices about served answers become people's judgements, from which routers, pairs and leaderboards are made. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TrafficRecorder } from "../../src/gateway/index.ts";
import { type JudgedStore, openStore } from "../../src/judged/index.ts";
import { collect } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";
import {
  LONG_PROMPT,
  lengthRouter,
  remotePool,
  replayPool,
  SHORT_PROMPT,
  startGateway,
  startRawUpstream,
} from "./support.ts";

async function serving(store: string, pool = replayPool()) {
  const traffic = await TrafficRecorder.open({ store, pool });
  onTestFinished(() => void traffic.close());
  const isReplay = pool.find("small") !== undefined;
  const gateway = await startGateway({ pool, traffic, ...(isReplay && { router: lengthRouter }) });
  const ask = async (content: string, model: string) => {
    const { data, response } = await gateway.client.chat.completions
      .create({ model, messages: [{ role: "user", content }] })
      .withResponse();
    return { id: data.id, decision: response.headers.get("x-tutti-decision-id")! };
  };
  const say = async (body: unknown) => {
    const response = await fetch(`${gateway.url}/v1/feedback`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown> & { error?: Record<string, unknown> };
    return { status: response.status, answer };
  };
  return { gateway, traffic, ask, say };
}

async function stored<Result>(url: string, read: (store: JudgedStore) => Promise<Result>): Promise<Result> {
  const store = await openStore(url);
  try {
    return await read(store);
  } finally {
    await store.close();
  }
}

describeStores((place) => {
  test("thumbs on two models' answers are records for a router, choices are verdicts on pairs", async () => {
    const { ask, say } = await serving(place.url());
    for (const prompt of [SHORT_PROMPT, LONG_PROMPT]) {
      const [large, small] = [await ask(prompt, "large"), await ask(prompt, "small")];
      const liked = await say({ id: large.id, thumb: "up", annotator: "ada", comment: "clear" });
      expect(liked).toEqual({
        status: 201,
        answer: {
          object: "tutti.feedback",
          id: large.id,
          rival: null,
          judge: "human/ada",
          version: "1",
          score: 1,
        },
      });
      expect(await say({ id: small.decision, thumb: "down", annotator: "ada" })).toMatchObject({
        status: 201,
      });
      const chosen = await say({ id: small.id, rival: large.decision, choice: "second" });
      expect(chosen).toMatchObject({ status: 201, answer: { judge: "human/anonymous", score: 0 } });
    }
    await stored(place.url(), async (store) => {
      const records = await collect(store.records({ judge: "human/ada" }));
      expect(records.length).toBe(2);
      for (const { candidates } of records) {
        expect(
          Object.fromEntries(Object.entries(candidates).map(([name, { score }]) => [name, score])),
        ).toEqual({
          large: 1,
          small: 0,
        });
      }
      const [choice] = await collect(store.judgements({ judges: ["human/anonymous"] }));
      expect(choice).toMatchObject({ verdict: "second", source: "gateway", rivalKey: expect.any(String) });
      const [thumb] = await collect(store.judgements({ judges: ["human/ada"], models: ["large"] }));
      expect(thumb!.explanation).toEqual({ comment: "clear" });
    });
  });

  test("said again the same counts once, something else needs another round", async () => {
    const { ask, say } = await serving(place.url());
    const { id } = await ask(SHORT_PROMPT, "large");
    expect((await say({ id, thumb: "up" })).status).toBe(201);
    expect((await say({ id, thumb: "up" })).status).toBe(200);
    const changed = await say({ id, thumb: "down" });
    expect(changed).toMatchObject({
      status: 409,
      answer: { error: { code: "feedback_conflict", param: "round" } },
    });
    expect((await say({ id, thumb: "down", round: "2" })).status).toBe(201);
    const rows = await stored(place.url(), (store) => collect(store.judgements()));
    expect(rows.map(({ judgeVersion, score }) => [judgeVersion, score]).sort()).toEqual([
      ["1", 1],
      ["2", 0],
    ]);
  });

  test("answers of an earlier gateway are found, and what names none or several is refused", async () => {
    const first = await serving(place.url());
    const { id, decision } = await first.ask(SHORT_PROMPT, "large");
    const other = await first.ask(LONG_PROMPT, "large");
    await first.traffic.close();
    const { say } = await serving(place.url());
    expect((await say({ id, thumb: "up" })).status).toBe(201);
    expect((await say({ id: decision, thumb: "up", annotator: "b" })).status).toBe(201);
    const unknown = await say({ id: "chatcmpl-none", thumb: "up" });
    expect(unknown).toMatchObject({
      status: 404,
      answer: { error: { code: "answer_not_found", param: "id" } },
    });
    for (const rival of [other.id, decision]) {
      expect(await say({ id, rival, choice: "tie" })).toMatchObject({
        status: 400,
        answer: { error: { code: "invalid_value", param: "rival" } },
      });
    }
    expect(await say({ id, rival: "nothing", choice: "tie" })).toMatchObject({
      status: 404,
      answer: { error: { param: "rival" } },
    });
  });
});

test("an id that a provider gives to every answer is no name; the decision's is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-feedback-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const upstream = await startRawUpstream((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "same", choices: [{ index: 0, message: { content: "Yes" } }] }));
  });
  const { ask, say } = await serving(join(folder, "store.db"), remotePool(upstream.baseUrl));
  const answers = [await ask("One?", "remote"), await ask("Two?", "remote")];
  expect(answers.map(({ id }) => id)).toEqual(["same", "same"]);
  expect(await say({ id: "same", thumb: "up" })).toMatchObject({
    status: 400,
    answer: { error: { param: "id" } },
  });
  expect((await say({ id: answers[1]!.decision, thumb: "up" })).status).toBe(201);
});

test("without a store there is nothing to judge", async () => {
  const gateway = await startGateway();
  const response = await fetch(`${gateway.url}/v1/feedback`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: "dec_1", thumb: "up" }),
  });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("start it with --store");
});
