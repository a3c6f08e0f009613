/**
 * Three processes sample into one store and are killed at random: nothing is lost and nothing is doubled. Long form, 10,000 answers
 * and 20 kills in each database: `TUTTI_KILLS=20 TUTTI_KILL_ANSWERS=10000 npx vitest run test/pool/sampling-kills`
 */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { responseKey } from "../../src/judged/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { collect, promptRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";
import { completion, sendJson, startProvider } from "./provider-server.ts";

const SAMPLES = 4;
const MODELS = ["first", "second"];
const ANSWERS = Number(process.env.TUTTI_KILL_ANSWERS ?? 1_600);
const KILLS = Number(process.env.TUTTI_KILLS ?? 6);
const PROMPTS = Math.ceil(ANSWERS / SAMPLES / MODELS.length);
const WORKERS = 3;
/** So that kills come from the first enqueuing to well into the work. */
const LONGEST_LIFE_MS = ANSWERS / 4;
const LEASE_MS = 1_000;
const ANSWER_MS = 60;

function startWorker(...args: string[]): {
  child: ChildProcess;
  begun: Promise<unknown>;
  ended: Promise<number | null>;
} {
  const child = fork(join(import.meta.dirname, "sampling-worker.ts"), args, {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const begun = new Promise((resolve) => child.once("message", resolve));
  return { child, begun: Promise.race([begun, ended]), ended };
}

describeStores((place) => {
  test(`${PROMPTS * SAMPLES * MODELS.length} answers of two models over ${KILLS} kills`, async () => {
    const prompts = Array.from({ length: PROMPTS }, (_, number) => promptRow(number));
    const store = await place.open();
    await store.putPrompts(prompts);
    const provider = await startProvider(({ body }, response, index) => {
      // Some calls fail for a while, as they do.
      if (index % 50 === 49) return sendJson(response, 503, { error: { message: "busy" } });
      setTimeout(() => sendJson(response, 200, completion(`seed ${body.seed}`)), ANSWER_MS);
    });
    const args = [place.url(), provider.origin, String(SAMPLES), String(LEASE_MS), "8"];
    const random = new RandomStream({ seed: 7, stream: 0 });
    let kills = 0;
    const living = async (): Promise<void> => {
      for (;;) {
        const { child, begun, ended } = startWorker(...args);
        onTestFinished(() => void child.kill("SIGKILL"));
        await begun;
        const isVictim = kills < KILLS;
        if (isVictim) {
          kills++;
          setTimeout(() => child.kill("SIGKILL"), 30 + LONGEST_LIFE_MS * random.nextUniform());
        }
        const code = await ended;
        if (code === 0) return;
        expect(isVictim).toBe(true);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, living));
    expect(kills).toBe(KILLS);

    const expected = prompts.flatMap(({ key: promptKey }) =>
      MODELS.flatMap((model) =>
        Array.from({ length: SAMPLES }, (_, seedIndex) =>
          responseKey({
            promptKey,
            model,
            modelRevision: model,
            template: "provider",
            parameters: { max_tokens: 16, temperature: 1 },
            seedIndex,
          }),
        ),
      ),
    );
    const rows = await collect(store.responses());
    expect(rows.map(({ key }) => key)).toEqual(expected.sort());
    expect(rows.every(({ status }) => status === "ok")).toBe(true);
    // Every sample was drawn with a seed of its own.
    expect(new Set(rows.map(({ model, text }) => `${model} ${text}`)).size).toBe(expected.length);
    for (const job of await store.work.jobs()) {
      expect(await store.work.progress(job)).toEqual({
        open: 0,
        leased: 0,
        done: PROMPTS * SAMPLES,
        failed: 0,
      });
    }
    // What a killed process had under way is asked again, and nothing else is.
    const answered = provider.requests.length - Math.floor(provider.requests.length / 50);
    expect(answered).toBeLessThanOrEqual(expected.length + KILLS * 2 * 16);
  }, 900_000);
});
