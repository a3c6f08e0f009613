/** Several processes on one store, each killed by `kill -9` at any moment: nothing is lost, nothing is done twice. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkStore, type JudgementRow } from "../../src/judged/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { ROOT } from "../support/command.ts";
import { collect } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const WORKER = join(import.meta.dirname, "kill-worker.ts");
const ITEMS = 1500;
const KILLS = 10;
const AT_ONCE = 3;
/** A kill falls within so many milliseconds after the worker took up its work. */
const LIFE_MS = 300;

interface Fleet {
  readonly done: string[];
  kills: number;
}

/** Runs one worker to its end, or to its death. */
async function runWorker(url: string, name: string, fleet: Fleet, killAfterMs?: number): Promise<boolean> {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", WORKER, url, name, String(ITEMS)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let timer: NodeJS.Timeout | undefined;
  child.stdout!.on("data", (chunk) => {
    output += String(chunk);
    if (killAfterMs !== undefined) timer ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (...ending) => resolve(ending));
  });
  clearTimeout(timer);
  fleet.done.push(...[...output.matchAll(/^done (.*)$/gm)].map(([, item]) => item!));
  if (signal === "SIGKILL") fleet.kills++;
  else if (code !== 0) throw new Error(`worker ${name} ended with code ${code}`);
  return signal === "SIGKILL";
}

/** One place in the fleet: a worker follows the one that was killed. */
async function runPlace(url: string, place: number, fleet: Fleet, random: RandomStream): Promise<void> {
  for (let life = 0; ; life++) {
    const killAfterMs = fleet.kills < KILLS ? random.nextUniform() * LIFE_MS : undefined;
    if (!(await runWorker(url, `worker-${place}-${life}`, fleet, killAfterMs))) return;
  }
}

describeStores((place) => {
  test("kills lose nothing and double nothing", { timeout: 300_000 }, async () => {
    const fleet: Fleet = { done: [], kills: 0 };
    const places = Array.from({ length: AT_ONCE }, (_, index) =>
      runPlace(place.url(), index, fleet, new RandomStream({ seed: 7, stream: index })),
    );
    await Promise.all(places);
    expect(fleet.kills).toBeGreaterThanOrEqual(KILLS);
    const store = await place.open();
    expect(await store.work.progress("job")).toEqual({ open: 0, leased: 0, done: ITEMS, failed: 0 });
    // Whoever said that an item is done was the only one to say so.
    expect(new Set(fleet.done).size).toBe(fleet.done.length);
    const responses = await collect(store.responses());
    const judgements = await collect(store.judgements());
    expect([responses.length, judgements.length]).toEqual([2 * ITEMS, ITEMS]);
    // The rows of an item are all of one worker: no half of a transaction was kept.
    const authors = new Map<string, Set<string>>();
    const byKey = new Map(responses.map((response) => [response.key, response]));
    const note = (promptKey: string, author: string) =>
      authors.set(promptKey, (authors.get(promptKey) ?? new Set()).add(author));
    for (const { promptKey, text } of responses) note(promptKey, text);
    for (const { responseKey, explanation } of judgements as JudgementRow[]) {
      note(byKey.get(responseKey)!.promptKey, `by ${explanation.by}`);
    }
    expect(authors.size).toBe(ITEMS);
    expect([...authors.values()].every(({ size }) => size === 1)).toBe(true);
    expect(await checkStore(place.url())).toMatchObject({ problemCount: 0 });
  });
});
