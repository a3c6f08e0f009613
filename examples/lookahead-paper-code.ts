/**
 * The training protocol of the Lookahead paper (arXiv 2510.19506) as far as its data exists: trained on its code set,
 * evaluated on HumanEval and MBPP, beside the paper's rows.
 *
 *   npx tsx examples/lookahead-paper-code.ts --train train_selfoss.jsonl.gz --test humaneval.jsonl.gz --test mbpp.jsonl.gz
 *       --out runs/paper-code [--backbone DIR] [--backbone-layers 2] [--threads 2] [--quick] [--result FILE.json]
 *
 * `--backbone` is a folder of SmolLM2-135M for the CLM variant (`tutti model pull`, or `tutti model convert` from GGUF);
 * a small one from scratch without. The MLM variant and MLC are trained from scratch on a small encoder. Stopped or
 * killed, the same command goes on: each model resumes from its checkpoint, finished ones are read back.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../src/cli/progress.ts";
import { type JudgedRecord, promptText, readJudgedRecords } from "../src/judged/index.ts";
import { trainBaselines } from "../src/routing/baselines/index.ts";
import { lookaheadDefaults, lookaheadPreset } from "../src/routing/defaults.ts";
import { CachingEmbedder, type Embedder, TfidfLsaEmbedder } from "../src/routing/embedding/index.ts";
import { chooseAll, evaluateRouters, type RouterEvaluation } from "../src/routing/evaluation/index.ts";
import { trainLatent } from "../src/routing/latent/index.ts";
import { type LookaheadOptions, trainLookahead, type Variant } from "../src/routing/lookahead/index.ts";
import type { Router } from "../src/routing/router.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { claimFolder, digestsOf, kept } from "./kept.ts";

const { values } = parseArgs({
  options: {
    train: { type: "string" },
    test: { type: "string", multiple: true },
    out: { type: "string" },
    backbone: { type: "string" },
    "backbone-layers": { type: "string", default: "2" },
    threads: { type: "string", default: "2" },
    /** A few minutes instead of half an hour: shows that it runs, its numbers mean nothing. */
    quick: { type: "boolean", default: false },
    result: { type: "string" },
  },
  allowPositionals: false,
});
if (!values.train || !values.test || !values.out) {
  throw new Error("give --train FILE, --test FILE (once per file) and --out DIR");
}
const { out } = values;
const QUICK_PROMPTS = 160;

const { records, candidates } = await readJudgedRecords([values.train]);
const { records: test } = await readJudgedRecords(values.test, { candidates });
const limited = (split: string): JudgedRecord[] => {
  const own = records.filter((record) => record.split === split);
  return values.quick ? own.slice(0, QUICK_PROMPTS) : own;
};
const train = limited("train");
const validation = limited("validation");

/** Paper, Table 1: native scores on all 164 and 257 prompts. */
const PAPER_ROWS: Readonly<Record<string, readonly [humanEval: number, mbpp: number]>> = {
  random: [73.2, 71.9],
  oracle: [93.9, 92.6],
  "fixed:Yi-1.5-34B-Chat": [69.5, 70.8],
  "fixed:internlm2_5-20b-chat": [72.6, 68.9],
  "fixed:Phi-3-medium-4k-instruct": [74.4, 68.8],
  "fixed:Llama-3.1-8B-Instruct": [62.2, 68.1],
  "fixed:Qwen2.5-Coder-7B-Instruct": [87.2, 82.9],
  knn: [76.2, 73.2],
  kmeans: [79.9, 78.2],
  "mlc (mlm)": [83.5, 82.5],
  "lookahead clm": [87.2, 82.9],
  "lookahead mlm": [87.2, 82.9],
};

/**
 * With a backbone the paper's batch of 64 prompts and its other values, prompts and responses cut for two cores. From scratch
 * the defaults for small networks, and of the paper's values the normalisation by data set.
 */
function optionsOf(variant: Variant): LookaheadOptions {
  const common = { threads: Number(values.threads), ...(values.quick && { epochs: 1, validations: 2 }) };
  if (variant !== "clm") {
    return { ...lookaheadDefaults(variant, false), normalisation: "dataset", ...common };
  }
  if (values.backbone === undefined) {
    return { ...lookaheadDefaults("clm", false), normalisation: "dataset", ...common };
  }
  // The paper validates every 100 steps, of which a run of this size has few.
  const { validateEverySteps: _, ...paper } = lookaheadPreset("paper", "clm", true);
  return {
    ...paper,
    bestBy: "routing-loss",
    responseTokens: 12,
    maxPromptTokens: 96,
    batchSize: 16,
    accumulation: values.quick ? 1 : 4,
    checkpointEverySteps: 10,
    backboneFolder: values.backbone,
    backboneLayers: Number(values["backbone-layers"]),
    ...common,
  };
}

type Choices = Record<string, number[]>;

async function modelChoices(name: string, variant: Variant): Promise<Choices> {
  let progress: ReturnType<typeof createProgress> | undefined;
  let total = 0;
  const folder = join(out, name.replaceAll(" ", "-"));
  const router = await trainLookahead(name, train, validation, candidates, optionsOf(variant), folder, {
    onStart: ({ totalSteps }) => {
      total = totalSteps;
      progress = createProgress(process.stderr, { label: name, total, unit: "steps" });
    },
    onStep: ({ step, loss }) => {
      if (step + 1 === total) progress?.finish(`loss ${loss.toFixed(3)}`);
      else progress?.update(step + 1, `loss ${loss.toFixed(3)}`);
    },
  });
  const choices = { [name]: [...(await chooseAll(router, test, candidates))] };
  await router.dispose();
  return choices;
}

const words = (): Embedder =>
  new CachingEmbedder(
    TfidfLsaEmbedder.fit(
      train.map(({ prompt }) => promptText(prompt)),
      { seed: 0 },
    ),
    2 * train.length,
  );

async function latentChoices(): Promise<Choices> {
  const router = await trainLatent("latent", train, candidates, words());
  return { latent: [...(await chooseAll(router, test, candidates))] };
}

async function baselineChoices(): Promise<Choices> {
  const routers: Router[] = await trainBaselines(train, candidates, { seed: 0, embedder: words() });
  const choices: Choices = {};
  for (const router of routers) {
    // Told the domain, or reading it off a string, they know none but the one they were trained on.
    if (["domain-best", "string-rule"].includes(router.name)) continue;
    choices[router.name] = [...(await chooseAll(router, test, candidates))];
  }
  return choices;
}

claimFolder(out, {
  data: await digestsOf([values.train, ...values.test]),
  isQuick: values.quick,
  backboneLayers: values["backbone-layers"],
  ...(values.backbone && { backbone: await digestsOf([join(values.backbone, "model.safetensors")]) }),
});

const cached = (name: string, compute: () => Promise<Choices>): Promise<Choices> =>
  kept(join(out, `${name.replaceAll(" ", "-")}.json`), compute);

const choices: Choices = {
  ...(await cached("baselines", baselineChoices)),
  ...(await cached("latent", latentChoices)),
  ...(await cached("lookahead mlm", () => modelChoices("lookahead mlm", "mlm"))),
  ...(await cached("mlc (mlm)", () => modelChoices("mlc (mlm)", "mlc"))),
  ...(await cached("lookahead clm", () => modelChoices("lookahead clm", "clm"))),
};
const routers = Object.keys(choices);
const evaluation = evaluateRouters({
  records: test,
  candidates,
  choices: Object.fromEntries(routers.map((name) => [name, Int32Array.from(choices[name]!)])),
  comparisons: ["latent", "lookahead mlm", "lookahead clm"].map((router) => ({
    router,
    baseline: "fixed:Qwen2.5-Coder-7B-Instruct",
  })),
  seed: 0,
});

/** Why a row of ours may or may not be read against the paper's. */
function comparability(router: string): string {
  if (router === "random") return "yes, up to its own draw: same answers, the prompts present";
  if (router === "oracle" || router.startsWith("fixed:")) return "yes: same answers, the prompts present";
  if (!(router in PAPER_ROWS)) return "no such row in the paper";
  const embedding = router === "knn" || router === "kmeans" ? "TF-IDF for MPNet embeddings" : undefined;
  const clm = values.backbone
    ? `${values["backbone-layers"]} of SmolLM2's 30 layers, shorter prompts and responses`
    : "a small decoder from scratch";
  const backbone = router === "lookahead clm" ? clm : "a small encoder from scratch for ModernBERT-base";
  return `no: trained on one of the paper's three sets; ${embedding ?? backbone}`;
}

function table(result: RouterEvaluation): string {
  const { HumanEval, MBPP } = result.benchmarks;
  if (!HumanEval || !MBPP) throw new Error("--test must hold the benchmarks HumanEval and MBPP");
  const head = [
    `| router | HumanEval (n=${HumanEval.n}) | paper (164) | MBPP (n=${MBPP.n}) | paper (257) | mean normalised [95 %] | comparable |`,
    "|---|---|---|---|---|---|---|",
  ];
  const order = Object.keys(result.mean).sort(
    (a, b) => result.mean[b]!.normalised - result.mean[a]!.normalised,
  );
  const rows = order.map((router) => {
    const [humanEval, mbpp] = PAPER_ROWS[router] ?? [];
    const { normalised, interval } = result.mean[router]!;
    const cells = [
      router,
      HumanEval.routers[router]!.native.toFixed(1),
      humanEval?.toFixed(1) ?? "",
      MBPP.routers[router]!.native.toFixed(1),
      mbpp?.toFixed(1) ?? "",
      `${normalised.toFixed(1)} [${interval.map((bound) => bound.toFixed(1)).join(", ")}]`,
      comparability(router),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const differences = result.differences.map(
    ({ router, baseline, mean, interval: [low, high] }) =>
      `${router} minus ${baseline}: ${mean.toFixed(1)} points [${low.toFixed(1)}, ${high.toFixed(1)}]`,
  );
  const sizes = `${train.length} prompts to train on, ${validation.length} to choose a checkpoint${values.quick ? "; quick run, not a result" : ""}`;
  return [sizes, "", ...head, ...rows, "", ...differences, ""].join("\n");
}

const text = table(evaluation);
process.stdout.write(text);
writeFileAtomic(join(out, "table.md"), text);
if (values.result) {
  // Without the shares of every candidate in every choice.
  const { benchmarks, mean, differences } = evaluation;
  const figures = Object.entries(benchmarks).map(([name, { n, routers: rows }]) => {
    const figuresOf = Object.entries(rows).map(([router, { native, normalised, interval }]) => {
      return [router, { native, normalised, interval }] as const;
    });
    return [name, { n, routers: Object.fromEntries(figuresOf) }] as const;
  });
  const summary = { benchmarks: Object.fromEntries(figures), mean, differences };
  writeFileAtomic(values.result, `${JSON.stringify(summary, null, 1)}\n`);
}
