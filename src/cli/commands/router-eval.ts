/** `tutti router eval`: every router of a folder on judged records it has not seen. */
import { Command } from "commander";
import { loadPoolConfig } from "../../config/index.ts";
import { pricesByModel } from "../../pool/index.ts";
import { evaluateFolder, readEvaluationInputs } from "../../routing/evaluate-folder.ts";
import { formatEvaluationTable, overlapWarning } from "../../routing/evaluation/index.ts";
import { readLearningCurves, renderEvaluationReport } from "../../routing/report/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { wholeNumber } from "../flags.ts";
import { printResult, say } from "../io.ts";
import { addDatasetOptions, type DatasetFlags, readDataset } from "../judged-source.ts";
import { createProgress } from "../progress.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface Flags extends ProviderFlags, DatasetFlags {
  readonly router: string;
  readonly json?: string;
  readonly html?: string;
  readonly pool?: string;
  readonly learningCurve?: string;
  readonly samples: number;
  readonly seed: number;
}

export function routerEvalCommand(): Command {
  return addDatasetOptions(new Command("eval"))
    .summary("compare a router with its baselines on judged responses")
    .description(
      "Every method of the folder chooses a model per prompt from the prompt alone; answers and scores are read\n" +
        "only to grade the choices. Name prompts that the router was not trained on. Intervals are 95 % bootstrap over prompts.",
    )
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .option("--json <file>", "write the evaluation as JSON")
    .option("--html <file>", "write a self-contained page with plots")
    .option(
      "--pool <file>",
      "pool.yaml with a price for every candidate: adds costs in dollars, from recorded tokens where there are any",
    )
    .option("--learning-curve <file>", "JSON of learning curves to show on the page")
    .option("--samples <n>", "bootstrap samples", wholeNumber("--samples", 1), 1000)
    .option("--seed <n>", "seed of the bootstrap", wholeNumber("--seed", 0), 0)
    .addOption(providerOption())
    .addHelpText(
      "after",
      "\nExamples:\n  tutti router eval --router runs/first --data test.jsonl.gz --pool pool.yaml \\\n    --json evaluation.json --html report.html\n" +
        "  tutti router eval --router runs/first --store runs/store.db --judge verifier --splits test",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

async function run(flags: Flags): Promise<void> {
  const inputs = readEvaluationInputs(flags.router, decidingBackend(flags));
  const learning = flags.learningCurve === undefined ? undefined : readLearningCurves(flags.learningCurve);
  const pricing = flags.pool === undefined ? undefined : pricesByModel(loadPoolConfig(flags.pool).models);
  const { records, candidates } = await readDataset(flags);
  say(`${records.length} judged prompts, ${inputs.routers.length} routers`);
  const progress = createProgress(process.stderr, {
    label: "choosing",
    total: inputs.routers.length,
    unit: "routers",
  });
  const { evaluation, report } = await evaluateFolder(inputs, records, candidates, {
    samples: flags.samples,
    seed: flags.seed,
    onRouter: (done, name) => progress.update(done, name),
    ...(pricing && { pricing }),
    ...(learning && { learning }),
  });
  progress.finish();
  const warning = overlapWarning(evaluation.analysis?.trainingOverlap);
  if (warning !== undefined) say(`warning: ${warning}`);
  printResult(formatEvaluationTable(evaluation));
  if (flags.json !== undefined) {
    writeFileAtomic(flags.json, `${JSON.stringify(evaluation, null, 1)}\n`);
    say(`evaluation written to ${flags.json}`);
  }
  if (flags.html !== undefined) {
    writeFileAtomic(flags.html, renderEvaluationReport(report));
    say(`report written to ${flags.html}`);
  }
}
