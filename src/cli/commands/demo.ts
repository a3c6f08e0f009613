/** `tutti demo`: the whole way on shipped data, from judged responses to a routed answer, in a few minutes. */
import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { loadPoolConfig } from "../../config/index.ts";
import {
  createGateway,
  type GatewayServer,
  loadPool,
  serveGateway,
  TrafficRecorder,
} from "../../gateway/index.ts";
import {
  type JudgedDataset,
  type JudgedRecord,
  promptText,
  putRecords,
  readJudgedRecords,
  readStoreDataset,
  splitByPrompt,
} from "../../judged/index.ts";
import { pricesByModel } from "../../pool/index.ts";
import { lookaheadDefaults } from "../../routing/defaults.ts";
import { evaluateFolder, readEvaluationInputs } from "../../routing/evaluate-folder.ts";
import { formatEvaluationTable, type RouterEvaluation } from "../../routing/evaluation/index.ts";
import { renderEvaluationReport } from "../../routing/report/index.ts";
import type { Router } from "../../routing/router.ts";
import { trainRouter } from "../../routing/train-router.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { interruptSignal, printResult, say } from "../io.ts";
import { withStore } from "../judged-source.ts";
import { formatDuration } from "../progress.ts";
import { trainingProgress } from "../training-progress.ts";

const ASSETS = fileURLToPath(new URL("../../../assets/", import.meta.url));
const DATA = ["gsm8k", "math", "humaneval", "mbpp", "arenahard", "mtbench"].map((name) =>
  join(ASSETS, "judged", `${name}.jsonl.gz`),
);
const POOL = join(ASSETS, "demo", "pool.yaml");
/** Whose scores the shipped records hold: those of each benchmark's authors. */
const JUDGE = "recorded";
/** Share of prompts that nothing is trained on. */
const HOLDOUT_SHARE = 0.3;
const SEED = 0;
/** One fewer than the default, for time. */
const EPOCHS = 3;

export function demoCommand(): Command {
  return new Command("demo")
    .summary("train, evaluate and serve a router on shipped data, in a few minutes")
    .option("--out <dir>", "folder for the store, the router and the report", "demo-output")
    .action(async (flags: { readonly out: string }) => {
      await run(flags.out);
    });
}

/** Puts the shipped records into the store, and reads from it what routers learn from. */
async function fillStore(path: string): Promise<JudgedDataset> {
  mkdirSync(dirname(path), { recursive: true });
  return await withStore(path, async (store) => {
    for (const file of DATA) {
      const { records } = await readJudgedRecords([file]);
      await putRecords(store, records, { judge: JUDGE, source: basename(file) });
    }
    return await readStoreDataset(store, { judge: JUDGE });
  });
}

async function run(out: string): Promise<void> {
  const startedMs = performance.now();
  const heading = (text: string): void => say(`\n== ${text}`);
  const signal = interruptSignal();

  heading("1. Judged responses: five real models on six benchmarks");
  const storePath = join(out, "store.db");
  const { records, candidates } = await fillStore(storePath);
  const { train, holdout } = splitByPrompt(records, { holdoutShare: HOLDOUT_SHARE, seed: SEED });
  say(`in the store ${storePath}`);
  say(
    `${records.length} prompts x ${candidates.length} models; ${train.length} to learn from, ${holdout.length} kept aside`,
  );

  heading("2. Training a Lookahead router and its rivals with Tutti's own engine");
  const folder = join(out, "router");
  const lookahead = { ...lookaheadDefaults("mlm", false), seed: SEED, epochs: EPOCHS };
  await trainRouter(
    train,
    candidates,
    { lookahead, networks: ["lookahead", "mlc"], serves: "latent", validationShare: 0.1 },
    folder,
    trainingProgress(signal),
  );

  heading(`3. Evaluation on the ${holdout.length} prompts no router has seen`);
  const inputs = readEvaluationInputs(folder);
  const { evaluation, report } = await evaluateFolder(inputs, holdout, candidates, {
    samples: 1000,
    seed: SEED,
    pricing: pricesByModel(loadPoolConfig(POOL).models),
  });
  printResult(formatEvaluationTable(evaluation));
  say(verdict(evaluation, inputs.default.name));
  const reportPath = join(out, "report.html");
  writeFileAtomic(join(out, "evaluation.json"), `${JSON.stringify(evaluation, null, 1)}\n`);
  writeFileAtomic(reportPath, renderEvaluationReport(report));
  say(`report with plots: ${reportPath}`);

  heading("4. Serving: one OpenAI-compatible address in front of the five models (recorded answers)");
  await serveAndAsk(inputs.default, holdout, storePath);

  say(`\ndone in ${formatDuration((performance.now() - startedMs) / 1000)}. Next:`);
  say(`  npx tutti router explain --router ${folder} "Write a Python function that reverses a list."`);
  say(`  npx tutti serve --router ${folder} --pool assets/demo/pool.yaml`);
  say(`  npx tutti leaderboard --store ${storePath} --judge ${JUDGE}`);
  say("  npx tutti router train --data YOUR-JUDGED-RECORDS.jsonl --out my-router");
}

/** Says plainly against which baselines no gain was shown. */
export function verdict(evaluation: RouterEvaluation, router: string): string {
  const own = evaluation.differences.filter((difference) => difference.router === router);
  const beaten = own.filter(({ interval }) => interval[0] > 0).map(({ baseline }) => baseline);
  const notBeaten = own
    .filter(({ interval }) => interval[0] <= 0)
    .map(({ baseline, mean, interval: [low, high] }) => {
      const word = high < 0 ? "worse than" : "not shown better than";
      return `  ${word} ${baseline}: ${mean >= 0 ? "+" : ""}${mean.toFixed(1)} points [${low.toFixed(1)}, ${high.toFixed(1)}]`;
    });
  const lines = [`${router} beats: ${beaten.length > 0 ? beaten.join(", ") : "no baseline"}`];
  if (notBeaten.length > 0)
    lines.push(`${router} does not beat these baselines on this split:`, ...notBeaten);
  return lines.join("\n");
}

/** One unseen prompt of each benchmark, answered through the gateway, which keeps what it answers in the store. */
async function serveAndAsk(
  router: Router,
  holdout: readonly JudgedRecord[],
  storePath: string,
): Promise<void> {
  const pool = await loadPool(POOL);
  const traffic = await TrafficRecorder.open({ store: storePath, pool });
  try {
    const server = await serveGateway({ app: createGateway({ pool, router, traffic }), port: 0 });
    say(`listening on ${server.url}/v1`);
    try {
      for (const benchmark of new Set(holdout.map((record) => record.benchmark))) {
        const record = holdout.find((candidate) => candidate.benchmark === benchmark)!;
        await ask(server, benchmark, promptText(record.prompt));
      }
    } finally {
      await server.close();
    }
  } finally {
    const { written } = await traffic.close();
    say(`\n${written} answers of the gateway written to ${storePath}`);
  }
}

const oneLine = (text: string, length: number): string => {
  const flat = text.replaceAll(/\s+/g, " ").trim();
  return flat.length > length ? `${flat.slice(0, length - 3)}...` : flat;
};

async function ask(server: GatewayServer, benchmark: string, prompt: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tutti/auto", messages: [{ role: "user", content: prompt }] }),
  });
  const answer = (await response.json()) as { choices: { message: { content: string } }[] };
  const id = response.headers.get("x-tutti-decision-id") ?? "";
  const decision = (await (await fetch(`${server.url}/v1/decisions/${id}`)).json()) as Record<
    string,
    unknown
  >;
  const cost = findCost(decision);
  say(`\n[${benchmark}] ${oneLine(prompt, 100)}`);
  say(`  -> ${response.headers.get("x-tutti-model")}${cost === undefined ? "" : `, $${cost.toFixed(6)}`}`);
  say(`  why: ${String(decision.reason)}`);
  say(`  answer: ${oneLine(answer.choices[0]?.message.content ?? "", 110)}`);
}

function findCost(decision: Readonly<Record<string, unknown>>): number | undefined {
  const outcome = decision.outcome as { cost_usd?: number | null } | undefined;
  return outcome?.cost_usd ?? undefined;
}
