/** `tutti sample`: answers of the pool's models to the prompts of a store. */
import { Command } from "commander";
import { loadPool } from "../../gateway/index.ts";
import { type JsonObject, openStore } from "../../judged/index.ts";
import {
  type ModelSampling,
  type Pool,
  type SamplingProgress,
  type SamplingReport,
  sample,
} from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { durationSeconds, nameList, numberBetween, wholeNumber } from "../flags.ts";
import { interruptSignal, printable, printResult, say } from "../io.ts";
import { addJobOptions, filterOf, type JobFlags, jobLimits } from "../job-options.ts";
import { modelPath } from "../model-source.ts";
import { createProgress } from "../progress.ts";

interface Flags extends JobFlags {
  readonly store: string;
  readonly pool: string;
  readonly models?: string;
  readonly samples: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly parameters?: JsonObject;
  readonly set: Readonly<Record<string, JsonObject>>;
  readonly seed: number;
  readonly batch?: boolean;
  readonly cancel?: boolean;
  readonly poll: number;
}

export function sampleCommand(): Command {
  const command = new Command("sample")
    .summary("sample answers of the pool's models into a store")
    .description(
      "Makes what is missing: run again after Ctrl-C, a crash or a spent budget, it goes on where it stopped.\n" +
        "Several processes with the same settings on one store share the work.",
    )
    .requiredOption("--store <url>", "file or postgres:// address that holds the prompts")
    .requiredOption("--pool <file>", "pool.yaml")
    .option("--models <names>", "of the pool, with commas between; all of them when absent")
    .option("--samples <n>", "answers of each model to each prompt", wholeNumber("--samples", 1), 1)
    .option("--temperature <t>", "of every model", numberBetween("--temperature", 0, 100))
    .option("--top-p <p>", "of every model", numberBetween("--top-p", 0, 1))
    .option("--max-tokens <n>", "tokens of an answer at most", wholeNumber("--max-tokens", 1))
    .option("--parameters <json>", "further request fields of every model", jsonObject("--parameters"))
    .option(
      "--set <model=json>",
      "request fields of one model, and its number of samples; may be given again",
      modelSetting,
      {},
    )
    .option("--seed <n>", "of the job; another one draws other answers", wholeNumber("--seed", 0), 0)
    .option("--batch", "ask in batches: half the price, within a day; Ctrl-C leaves them to the provider")
    .option("--poll <time>", "between looks at batches", durationSeconds("--poll"), 30)
    .option("--cancel", "take back the batches under way, and keep what is answered");
  return addJobOptions(command, {
    source: "prompts of these sources only",
    results: "answers",
    atOnce: "calls at once to one provider",
  })
    .addHelpText(
      "after",
      "\nExample:\n  tutti sample --store runs/store.db --pool pool.yaml --models smol,large --samples 4 \\\n" +
        '    --temperature 0.8 --max-tokens 512 --set \'large={"samples": 1, "temperature": 0}\' --budget-usd 5',
    )
    .action(run);
}

function jsonObject(name: string): (text: string) => JsonObject {
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} is "${text}", expected a JSON object`, { cause });
    }
    if (isJsonObject(value)) return value as JsonObject;
    throw new TuttiError("INVALID_ARGUMENT", `${name} is "${text}", expected a JSON object`);
  };
}

function modelSetting(
  text: string,
  before: Readonly<Record<string, JsonObject>>,
): Record<string, JsonObject> {
  // Names may hold "=", JSON objects begin at a brace.
  const place = text.indexOf("={");
  if (place <= 0) {
    throw new TuttiError("INVALID_ARGUMENT", `--set is "${text}", expected MODEL={"field": value}`);
  }
  return { ...before, [text.slice(0, place)]: jsonObject("--set")(text.slice(place + 1)) };
}

function samplingsOf(pool: Pool, flags: Flags): ModelSampling[] {
  const strange = Object.keys(flags.set).find((name) => pool.find(name) === undefined);
  if (strange !== undefined) {
    throw new TuttiError("INVALID_ARGUMENT", `--set names "${strange}", which is not sampled`, {
      hint: `the models are ${pool.models.map(({ name }) => name).join(", ")}`,
    });
  }
  const shared: JsonObject = {
    ...flags.parameters,
    ...(flags.temperature !== undefined && { temperature: flags.temperature }),
    ...(flags.topP !== undefined && { top_p: flags.topP }),
    ...(flags.maxTokens !== undefined && { max_tokens: flags.maxTokens }),
  };
  return pool.models.map((model) => {
    const { samples = flags.samples, ...own } = flags.set[model.name] ?? {};
    if (!Number.isInteger(samples) || (samples as number) < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `--set ${model.name}: samples must be a whole number from 1`);
    }
    return { model, samples: samples as number, parameters: { ...shared, ...own } };
  });
}

async function run(flags: Flags): Promise<void> {
  const isBatch = flags.batch === true || flags.cancel === true;
  const signal = interruptSignal(
    isBatch
      ? "leaving the batches under way to the provider and a later run"
      : "finishing the answers under way; press Ctrl-C again to leave them to a later run",
  );
  const names = flags.models === undefined ? undefined : nameList(flags.models);
  const pool = await loadPool(flags.pool, { resolveModel: modelPath, ...(names && { models: names }) });
  const store = await openStore(flags.store);
  try {
    const report = await sampleWithProgress(flags, signal, {
      store,
      models: samplingsOf(pool, flags),
      prompts: filterOf(flags),
      seed: flags.seed,
      batch: isBatch ? { pollMs: 1000 * flags.poll, isCancelling: flags.cancel === true } : undefined,
    });
    if (report.total === 0) {
      throw new TuttiError("INVALID_ARGUMENT", `${store.url} has no prompts that match`, {
        hint: "import some with `tutti data import`, or widen --domain, --split and --source",
      });
    }
    if (flags.json) printResult(JSON.stringify(report, null, 2));
    else printResult(linesOf(report).join("\n"));
    throwUnlessDone(report);
  } finally {
    await store.close();
    await pool.close();
  }
}

async function sampleWithProgress(
  flags: Flags,
  signal: AbortSignal,
  what: Pick<Parameters<typeof sample>[0], "store" | "models" | "prompts" | "seed" | "batch">,
): Promise<SamplingReport> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const report = await sample({
    ...what,
    ...jobLimits(flags),
    signal,
    onProgress: (state) => {
      progress ??= createProgress(process.stderr, {
        label: "sampling",
        total: state.total,
        unit: "answers",
      });
      progress.update(state.done, noteOf(state));
    },
  });
  if (report.done === report.total) progress?.finish();
  return report;
}

function noteOf({ spent, failures, underWay, batches }: SamplingProgress): string {
  const kinds = Object.entries(failures).map(
    ([code, count]) => `${count} ${code.replace("UPSTREAM_", "").toLowerCase().replaceAll("_", " ")}`,
  );
  return [
    `$${spent.usd.toFixed(4)}`,
    ...(kinds.length > 0 ? [`errors: ${kinds.join(", ")}`] : []),
    batches === undefined
      ? `${underWay} under way`
      : `${batches.batches} ${batches.batches === 1 ? "batch" : "batches"}: ${batches.done}/${batches.total} answered`,
    `${spent.tokens} tokens`,
  ].join("  ");
}

function linesOf({ models, total, done, spent }: SamplingReport): string[] {
  const lines = models.map(({ model, statuses, promptTokens, completionTokens, costUsd, end }) => {
    const counts = Object.entries(statuses).map(([status, count]) => `${count} ${status}`);
    const ended = typeof end === "string" ? end : `stopped: ${end.code}: ${end.message}`;
    return `${printable(model)}: ${counts.join(", ") || "nothing new"}; ${promptTokens} + ${completionTokens} tokens, $${costUsd.toFixed(4)}; ${printable(ended)}`;
  });
  return [
    ...lines,
    `${done}/${total} answers in the store; $${spent.usd.toFixed(4)}, ${spent.tokens} tokens`,
  ];
}

/** The report is out by now; the exit code tells why it is not complete. */
function throwUnlessDone({ models, total, done }: SamplingReport): void {
  const ends = models.map(({ end }) => end);
  if (ends.includes("interrupted")) {
    throw new TuttiError("INTERRUPTED", "stopped; the same command goes on where it stopped");
  }
  const failure = ends.find((end) => typeof end !== "string");
  if (failure !== undefined && typeof failure !== "string") throw failure;
  if (ends.includes("budget")) {
    throw new TuttiError("BUDGET_EXHAUSTED", `the budget is spent, ${total - done} answers are missing`, {
      hint: "raise the budget and give the same command again",
    });
  }
  if (ends.includes("cancelled")) {
    say(`${total - done} answers are missing; the same command without --cancel asks for them`);
  } else if (done < total) say(`${total - done} answers failed for good; the same command tries them again`);
}
