/** `tutti router train`: judged records in, router folder out. */
import { Command, Option } from "commander";
import { VARIANTS, type Variant } from "../../routing/lookahead/index.ts";
import { trainRouter } from "../../routing/train-router.ts";
import { TuttiError } from "../../support/errors.ts";
import { wholeNumber } from "../flags.ts";
import { interruptSignal, say } from "../io.ts";
import { addDatasetOptions, type DatasetFlags, readDataset } from "../judged-source.ts";
import { addLookaheadFlags, type LookaheadFlags, lookaheadOptionsOf } from "../lookahead-options.ts";
import { type ProviderFlags, providerOption } from "../provider-option.ts";
import { trainingProgress } from "../training-progress.ts";

interface Flags extends ProviderFlags, LookaheadFlags, DatasetFlags {
  readonly out: string;
  readonly variant: Exclude<Variant, "mlc"> | "latent";
  readonly labels: "relative" | "absolute";
  readonly epochs?: number;
  readonly seed: number;
  readonly backbone?: string;
  readonly backboneLayers?: number;
  readonly tunedLayers?: number;
  readonly embedder?: string;
  readonly mlc: boolean;
  readonly serves: "latent" | "lookahead" | "ensemble";
  readonly threads: number;
}

export function routerTrainCommand(): Command {
  const command = addDatasetOptions(new Command("train"))
    .summary("train a router on judged responses")
    .description(
      "Trains a Lookahead router, the same model without response modelling (MLC), the latent variant, and simple baselines.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on where it was.",
    )
    .requiredOption("--out <dir>", "folder for the router")
    .addOption(
      new Option(
        "--variant <name>",
        "Lookahead network; with latent none is trained, which takes seconds, and minutes with an encoder",
      )
        .choices([...VARIANTS.filter((name) => name !== "mlc"), "latent"])
        .default("mlm"),
    )
    .addOption(
      new Option("--labels <kind>", "what a good answer is: near the prompt's best, or good in itself")
        .choices(["relative", "absolute"])
        .default("relative"),
    )
    .addOption(
      new Option(
        "--serves <method>",
        "what routes, ensemble being the mean of the other two; every other method is kept for comparison",
      )
        .choices(["latent", "lookahead", "ensemble"])
        .default("latent"),
    )
    .option("--epochs <n>", "passes over the data", wholeNumber("--epochs", 1))
    .option("--seed <n>", "seed of the whole run", wholeNumber("--seed", 0), 0)
    .option("--backbone <dir>", "pretrained model: config.json, model.safetensors, tokenizer.json")
    .option("--backbone-layers <n>", "use only its first layers", wholeNumber("--backbone-layers", 1))
    .option(
      "--tuned-layers <n>",
      "train only its last layers and the heads",
      wholeNumber("--tuned-layers", 1),
    )
    .option(
      "--embedder <dir>",
      "pretrained BERT encoder for the latent variant and the similarity baselines; words otherwise",
    )
    .option("--no-mlc", "skip the baseline without response modelling")
    .option("--threads <n>", "compute threads", wholeNumber("--threads", 1), 2)
    .addOption(providerOption());
  return addLookaheadFlags(command)
    .addHelpText(
      "after",
      "\nExamples:\n  tutti router train --data assets/judged/gsm8k.jsonl.gz assets/judged/mbpp.jsonl.gz --out runs/first\n" +
        "  tutti router train --store runs/store.db --judge verifier --splits train --out runs/first",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

/** @throws {TuttiError} INVALID_ARGUMENT, before hours of other work, for layers of a backbone that is not there */
function checkTunedLayers({ tunedLayers, backbone, variant }: Flags): void {
  if (tunedLayers === undefined || (backbone !== undefined && variant !== "latent")) return;
  const missing = variant === "latent" ? "--variant latent trains no network" : "there is no --backbone";
  throw new TuttiError("INVALID_ARGUMENT", `--tuned-layers ${tunedLayers} was given, but ${missing}`, {
    hint: "give --backbone DIR and --variant mlm or clm, or leave --tuned-layers out",
  });
}

async function run(flags: Flags): Promise<void> {
  checkTunedLayers(flags);
  const { records, candidates } = await readDataset(flags);
  say(`${records.length} judged prompts, ${candidates.length} candidates: ${candidates.join(", ")}`);
  const networks = networksOf(flags);
  const lookahead = {
    ...lookaheadOptionsOf(
      flags,
      flags.variant === "latent" ? "mlm" : flags.variant,
      flags.backbone !== undefined,
    ),
    labels: flags.labels,
    seed: flags.seed,
    threads: flags.threads,
    provider: flags.provider,
    ...(flags.epochs !== undefined && { epochs: flags.epochs }),
    ...(flags.backbone !== undefined && { backboneFolder: flags.backbone }),
    ...(flags.backboneLayers !== undefined && { backboneLayers: flags.backboneLayers }),
    ...(flags.tunedLayers !== undefined && { tunedLayers: flags.tunedLayers }),
  };
  await trainRouter(
    records,
    candidates,
    {
      lookahead,
      serves: flags.serves,
      networks,
      validationShare: 0.1,
      ...(flags.embedder !== undefined && { embedderFolder: flags.embedder }),
    },
    flags.out,
    trainingProgress(interruptSignal()),
  );
  say(`router written to ${flags.out}`);
  const source = flags.store === undefined ? "--data FILE..." : `--store ${flags.store} --splits test`;
  say(`next: tutti router eval --router ${flags.out} ${source} --json evaluation.json --html report.html`);
}

/** MLC is the baseline of the other variants. */
function networksOf({ variant, mlc, serves }: Flags): ("lookahead" | "mlc")[] {
  if (variant !== "latent") return mlc ? ["lookahead", "mlc"] : ["lookahead"];
  if (serves !== "latent")
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `--variant latent trains no network, which --serves ${serves} needs`,
      {
        hint: `with --serves ${serves} give one of the variants ${VARIANTS.filter((name) => name !== "mlc").join(", ")}`,
      },
    );
  return [];
}
