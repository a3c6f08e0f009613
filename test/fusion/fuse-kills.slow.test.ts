/**
 * `tutti fuse run` killed by `kill -9` at random moments and run again: nothing is lost, nothing is done twice, and the models are
 * those of an undisturbed run, byte for byte. TUTTI_FUSE_KILLS=20 is the long form.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openStore } from "../../src/judged/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { readMetrics } from "../../src/train/index.ts";
import { finish, start } from "../support/command.ts";
import { FUSE_FILE, sourceServer, writeFuseWorld } from "../support/fuse-world.ts";
import { collect } from "../support/store-rows.ts";

const KILLS = Number(process.env.TUTTI_FUSE_KILLS ?? 3);
const folder = mkdtempSync(join(tmpdir(), "tutti-fuse-kills-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly wasKilled: boolean;
  /** From the first word of the command to its end. */
  readonly workedMs: number;
}

/** An undisturbed run. */
interface Whole {
  readonly stages: number;
  readonly workedMs: number;
}

interface Kill {
  /** Results of stages that are there before its time begins. */
  readonly fromStages: number;
  readonly afterMs: number;
}

/** Runs the command and kills it at the given moment. */
async function run(config: string, out: string, kill?: Kill): Promise<Run> {
  const child = start("fuse", "run", config, "--out", out);
  let [beganMs, timer] = [performance.now(), undefined as NodeJS.Timeout | undefined];
  child.stderr!.once("data", () => {
    beganMs = performance.now();
  });
  child.stderr!.on("data", () => {
    if (kill === undefined || timer !== undefined || countStages(out) < kill.fromStages) return;
    timer = setTimeout(() => child.kill("SIGKILL"), kill.afterMs);
  });
  const { code, stderr } = await finish(child);
  clearTimeout(timer);
  if (code !== null) expect(code, stderr).toBe(0);
  return { wasKilled: code === null, workedMs: performance.now() - beganMs };
}

const stagesOf = (out: string): string[] => readdirSync(join(out, "stages")).sort();
const countStages = (out: string): number => (existsSync(join(out, "stages")) ? stagesOf(out).length : 0);
const stageFile = (out: string, name: string): string => readFileSync(join(out, "stages", name), "utf8");

/** Everything that a run leaves but times: results of stages, weights, losses, what the store holds. */
async function traces(out: string) {
  const stages = stagesOf(out);
  const trained = stages.filter((name) => /^(sft|dpo)-[0-9a-f]+$/.test(name));
  expect(trained).toHaveLength(2);
  const store = await openStore(join(out, "store.db"));
  const responses = await collect(store.responses());
  const judgements = await collect(store.judgements());
  const selections = await collect(store.selections());
  const jobs = await store.work.jobs();
  const unfinished: string[] = [];
  for (const job of jobs) {
    const { open, leased, failed } = await store.work.progress(job);
    if (open + leased + failed > 0) unfinished.push(job);
  }
  await store.close();
  return {
    stages,
    unfinished,
    results: stages.filter((name) => name.endsWith(".json")).map((name) => stageFile(out, name)),
    weights: trained.map((name) =>
      readFileSync(join(out, "stages", name, "model/model.safetensors")).toString("base64"),
    ),
    losses: trained.map((name) =>
      readMetrics(join(out, "stages", name, "training/metrics.jsonl")).map(({ step, loss }) => [step, loss]),
    ),
    answers: responses.map(({ key, text, status }) => [key, status, text]),
    verdicts: judgements.map(({ key, score, verdict }) => [key, score, verdict]),
    selections: selections.map(({ key, isKept, reason }) => [key, isKept, reason]),
    page: readFileSync(join(out, "report.html"), "utf8"),
  };
}

/** Runs the command again and again and kills it each time; stops early when a run reaches its end before its kill. */
async function killed(config: string, out: string, { stages, workedMs }: Whole, random: RandomStream) {
  const reached = new Set<number>();
  let kills = 0;
  // Each kill falls behind the next share of the stages, so that early and late ones see some.
  const next = (): Kill => ({
    fromStages: Math.floor((kills * stages) / KILLS),
    afterMs: (random.nextUniform() * workedMs) / (KILLS + 1),
  });
  while (kills < KILLS && (await run(config, out, next())).wasKilled) {
    kills++;
    reached.add(countStages(out));
  }
  return { kills, reached };
}

test(`${KILLS} kills leave no trace`, { timeout: 180_000 + 60_000 * KILLS }, async () => {
  const server = await sourceServer(5);
  const config = writeFuseWorld(folder, server.url);
  // One row at a time: in batches of other sizes float32 sums may differ in their last bit.
  writeFileSync(config, FUSE_FILE.replace("  contextTokens: 128", "  contextTokens: 128\n  maxBatch: 1"));
  const [whole, disturbed] = [join(folder, "whole"), join(folder, "disturbed")];
  let { workedMs } = await run(config, whole);
  const stages = countStages(whole);

  const random = new RandomStream({ seed: 11, stream: 0 });
  let outcome = await killed(config, disturbed, { stages, workedMs }, random);
  // A machine that has become faster since the undisturbed run ends before its kills: begin again with earlier ones.
  for (let attempt = 1; outcome.kills < KILLS && attempt < 4; attempt++) {
    rmSync(disturbed, { recursive: true });
    workedMs *= 0.6;
    outcome = await killed(config, disturbed, { stages, workedMs }, random);
  }
  expect(outcome.kills).toBe(KILLS);
  expect(outcome.reached.size).toBeGreaterThan(1);
  expect((await run(config, disturbed)).wasKilled).toBe(false);
  const [expected, received] = [await traces(whole), await traces(disturbed)];
  expect(expected.unfinished).toEqual([]);
  expect(expected.answers.length).toBe(372 + 108 + 3 + 6 * 13 + 4);
  expect(received).toEqual(expected);
});
