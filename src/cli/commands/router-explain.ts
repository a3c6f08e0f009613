/** `tutti router explain`: which model would answer a prompt, with what is expected of each and what would change it. */
import { Command } from "commander";

import {
  decideWithInput,
  LatencyMeter,
  loadPool,
  parsePolicy,
  readLatencyLog,
  readPoolPolicy,
} from "../../gateway/index.ts";
import type { Pool } from "../../pool/index.ts";
import { KnnRouter } from "../../routing/baselines/index.ts";
import { CalibratedRouter } from "../../routing/calibration/index.ts";
import { isOutcomeRouter } from "../../routing/outcome.ts";
import { checkPolicy, type Policy, startBudget } from "../../routing/policy/index.ts";
import type { Router } from "../../routing/router.ts";
import { loadRouters, routerNamed, withCalibration } from "../../routing/router-folder.ts";
import { TuttiError } from "../../support/errors.ts";
import { alternatives } from "../decision-alternatives.ts";
import { type Explanation, explanationText } from "../explanation-text.ts";
import { printResult } from "../io.ts";
import { modelPath } from "../model-source.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface Flags extends ProviderFlags {
  readonly router: string;
  readonly method?: string;
  readonly pool?: string;
  readonly policy?: string;
  readonly latencyLog?: string;
  readonly json?: boolean;
}

const NEIGHBOURS = 3;

export function routerExplainCommand(): Command {
  return new Command("explain")
    .summary("show which model would answer a prompt, and why")
    .argument("<prompt>", "the prompt text")
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .option("--method <name>", "router of the folder; its default otherwise")
    .option("--pool <file>", "pool.yaml: costs, speeds, abilities and the policy")
    .option("--policy <json>", "how to choose, in place of the pool file's policy")
    .option("--latency-log <file>", "log of `tutti serve`: speeds as measured")
    .option("--json", "machine-readable")
    .addOption(providerOption())
    .addHelpText(
      "after",
      '\nExamples:\n  tutti router explain --router runs/first "Write a Python function that reverses a list."\n' +
        `  tutti router explain --router runs/first --pool pool.yaml --policy '{"choose": "cheapest", "qualityBar": 0.6}' "..."`,
    )
    .action(async (prompt: string, flags: Flags) => {
      await run(prompt, flags);
    });
}

async function run(prompt: string, flags: Flags): Promise<void> {
  if (prompt.trim() === "") throw new TuttiError("INVALID_ARGUMENT", "the prompt is empty");
  const loaded = loadRouters(flags.router, decidingBackend(flags));
  const router = withCalibration(
    loaded,
    flags.method === undefined ? loaded.default : routerNamed(loaded.routers, flags.method, flags.router),
  );
  const pool = flags.pool === undefined ? undefined : await loadPool(flags.pool, { resolveModel: modelPath });
  const policy = policyFor(flags, router, pool);
  const earlier = flags.latencyLog === undefined ? [] : readLatencyLog(flags.latencyLog);
  const { decision, input } = await decideWithInput(router, prompt, pool, {
    policy,
    ...(pool !== undefined && { latencies: new LatencyMeter(pool, earlier) }),
    ...(policy?.budget && { budget: { state: startBudget(policy.budget, Date.now()) } }),
  });
  const knn = loaded.routers.find((candidate) => candidate instanceof KnnRouter);
  const explanation: Explanation = {
    ...decision,
    answerTokens: await lengthIntervals(router, prompt),
    nearestTrainingPrompts: knn ? await knn.nearest(prompt, NEIGHBOURS) : [],
    whatWouldChange: [],
    ...(hasQuality(router) && alternatives(decision.model, policy, input)),
  };
  printResult(flags.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation));
}

function hasQuality(router: Router): boolean {
  return isOutcomeRouter(router) && router.isCalibrated;
}

function policyFor(flags: Flags, router: Router, pool: Pool | undefined): Policy | undefined {
  const fromPool = flags.pool === undefined ? undefined : readPoolPolicy(flags.pool);
  const policy = flags.policy === undefined ? fromPool : parsePolicy(flags.policy);
  if (policy === undefined) return undefined;
  const models = pool?.models.map(({ name }) => name) ?? router.candidates;
  checkPolicy(policy, { models, candidates: router.candidates, hasQuality: hasQuality(router) });
  return policy;
}

/** By candidate: mean and the interval that holds eight answers of ten; empty without a length model. */
async function lengthIntervals(router: Router, prompt: string) {
  if (!(router instanceof CalibratedRouter) || router.parts.lengths === undefined) return {};
  const [{ mean, low, high } = { mean: [], low: [], high: [] }] = await router.parts.lengths.predict([
    prompt,
  ]);
  return Object.fromEntries(
    router.candidates.map((name, c) => [name, { mean: mean[c]!, low: low[c]!, high: high[c]! }]),
  );
}
