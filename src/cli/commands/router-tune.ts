/** `tutti router tune`: the best method and setting for the data, and what it is worth on prompts set apart. */
import { Command } from "commander";
import {
  formatTuning,
  TUNABLE_METHODS,
  type TuneRouterEvents,
  tunableMethods,
  tuneRouter,
} from "../../routing/tuning/index.ts";
import { durationSeconds, numberBetween, wholeNumber } from "../flags.ts";
import { interruptSignal, printResult, say } from "../io.ts";
import { addDatasetOptions, type DatasetFlags, readDataset } from "../judged-source.ts";
import { createProgress, formatDuration, type Progress } from "../progress.ts";

interface Flags extends DatasetFlags {
  readonly out: string;
  readonly budget: number;
  readonly methods?: string[];
  readonly folds: number;
  readonly holdout: number;
  readonly embedder?: string;
  readonly samples: number;
  readonly seed: number;
  readonly json?: boolean;
}

export function routerTuneCommand(): Command {
  const quick = tunableMethods().map(({ name }) => name);
  const slow = TUNABLE_METHODS.filter(({ isSlow }) => isSlow).map(({ name }) => name);
  return addDatasetOptions(new Command("tune"))
    .summary("choose method and hyper-parameters by cross-validation")
    .description(
      "Sets prompts apart, chooses a method and its setting by cross-validation on the others, trains it on them, and\n" +
        "measures it once on those set apart: the only number that is reported as a result.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on where it was.",
    )
    .requiredOption("--out <dir>", "folder for the router")
    .option(
      "--budget <time>",
      "time for the search, all runs together: 90s, 20m, 1h30m; a trial that has begun is finished, training follows",
      durationSeconds("--budget"),
      durationSeconds("--budget")("20m"),
    )
    .option("--methods <name...>", `of ${quick.join(", ")} (the default), ${slow.join(", ")} (slow)`)
    .option("--folds <n>", "folds of the cross-validation", wholeNumber("--folds", 2), 5)
    .option("--holdout <share>", "share of the prompts set apart", numberBetween("--holdout", 0.01, 0.9), 0.2)
    .option("--embedder <dir>", "pretrained encoder for the prompts; TF-IDF without")
    .option("--samples <n>", "bootstrap samples of the final interval", wholeNumber("--samples", 1), 1000)
    .option("--seed <n>", "seed of splits, order and training", wholeNumber("--seed", 0), 0)
    .option("--json", "machine-readable")
    .addHelpText(
      "after",
      "\nExample:\n  tutti router tune --data assets/judged/gsm8k.jsonl.gz assets/judged/mbpp.jsonl.gz --out runs/tuned --budget 5m",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

async function run(flags: Flags): Promise<void> {
  const methods = tunableMethods(flags.methods);
  const { records, candidates } = await readDataset(flags);
  say(`${records.length} judged prompts, ${candidates.length} candidates: ${candidates.join(", ")}`);
  const result = await tuneRouter(
    records,
    candidates,
    {
      methods,
      budgetSeconds: flags.budget,
      folds: flags.folds,
      holdoutShare: flags.holdout,
      seed: flags.seed,
      samples: flags.samples,
      ...(flags.embedder !== undefined && { embedderFolder: flags.embedder }),
    },
    flags.out,
    tuningProgress(
      flags.budget,
      interruptSignal("stopping after this trial; press Ctrl-C again to stop at once"),
    ),
  );
  printResult(flags.json === true ? JSON.stringify(result, null, 1) : formatTuning(result));
  say(`router written to ${flags.out}`);
  say(`next: tutti serve --router ${flags.out} --pool pool.yaml`);
}

function tuningProgress(budgetSeconds: number, signal: AbortSignal): TuneRouterEvents {
  let progress: Progress | undefined;
  return {
    signal,
    onTrial: ({ done, total, name, elapsedSeconds }) => {
      progress ??= createProgress(process.stderr, { label: "tuning", total, unit: "trials" });
      const left = formatDuration(budgetSeconds - elapsedSeconds);
      progress.update(done, `${name}  ${left} of the budget left`);
    },
    onStage: (stage) => {
      if (stage === "training") say("training the chosen setting on all prompts but those set apart");
      if (stage === "holdout") say("measuring it on the prompts set apart");
    },
  };
}
