/** `tutti fuse merge`: checkpoints of one shape merged into a new model. */
import { Command, Option } from "commander";
import {
  DARE_RESCALES,
  type DareOptions,
  MERGE_METHODS,
  type MergeDType,
  type MergeMethodName,
  type MergeSettings,
  type ModelToMerge,
  mergeCheckpoints,
  type NamedFolder,
  SCE_READINGS,
  type SceOptions,
} from "../../fusion/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { modelName } from "../../support/model-name.ts";
import { numberBetween, wholeNumber } from "../flags.ts";
import { interruptSignal, printResult, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";
import { createProgress } from "../progress.ts";

const DTYPES = ["f32", "f16", "bf16"] as const;

/** What belongs to methods; undefined where it was not given. */
interface MethodFlags {
  readonly density?: number;
  readonly lambda?: number;
  readonly normalise?: boolean;
  readonly reading?: SceOptions["reading"];
  readonly weightFloor?: number;
  readonly rescale?: DareOptions["rescale"];
  readonly seed?: number;
  readonly t?: number;
}

interface Flags extends MethodFlags {
  readonly method: MergeMethodName;
  readonly base: string;
  readonly model: string[];
  readonly out: string;
  readonly dtype?: (typeof DTYPES)[number];
  readonly shardSize: number;
  readonly ignoreTokenizers?: true;
}

/** Flags of each method, with their defaults. */
const METHOD_FLAGS = {
  sce: { density: 0.1, reading: "upstream", weightFloor: 0 },
  varm: { weightFloor: 0 },
  ties: { density: 0.2, lambda: 1, normalise: true },
  "dare-ties": { density: 0.1, lambda: 1, normalise: false, rescale: "density", seed: 0 },
  "dare-linear": { density: 0.1, lambda: 1, normalise: false, rescale: "density", seed: 0 },
  "task-arithmetic": { lambda: 1, normalise: false },
  linear: { normalise: true },
  slerp: { t: 0.5 },
} as const satisfies Readonly<Record<MergeMethodName, MethodFlags>>;

/** What the library calls the flags. */
const FIELDS: Readonly<Record<string, string>> = { lambda: "scale", normalise: "isNormalised" };

export function fuseMergeCommand(): Command {
  const limit = Number.MAX_VALUE;
  return new Command("merge")
    .summary("merge models of one shape: SCE, VaRM, TIES, DARE, task arithmetic, linear, SLERP")
    .description(
      "Merges the weights of models that were trained from one base, a piece at a time, whatever their size.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on behind its last finished file.",
    )
    .addOption(new Option("--method <name>", "how").choices(MERGE_METHODS).default("sce"))
    .requiredOption("--base <model>", `what the models were trained from: ${MODEL_ARGUMENT}`)
    .requiredOption(
      "--model <model...>",
      "the models; MODEL:0.5 gives one a weight (default: 1) where the method takes weights",
    )
    .requiredOption("--out <dir>", "new folder of the merged model")
    .option(
      "--density <share>",
      "entries kept: sce (0.1), ties (0.2), dare-ties and dare-linear (0.1)",
      numberBetween("--density", 2 ** -16, 1),
    )
    .option(
      "--lambda <x>",
      "ties, dare-*, task-arithmetic: what the merged task vector is multiplied by (1)",
      numberBetween("--lambda", -limit, limit),
    )
    .option("--normalise", "divide by the weights: linear and ties do (task-arithmetic, dare-*)")
    .option("--no-normalise", "do not")
    .addOption(
      new Option(
        "--reading <name>",
        "sce: upstream changes selected entries only, fork uses them for the weights only (upstream)",
      ).choices(SCE_READINGS),
    )
    .option(
      "--weight-floor <x>",
      "sce, varm: sum of mean squares below which weights are equal; 1e-6 in mergekit (0)",
      numberBetween("--weight-floor", 0, limit),
    )
    .addOption(
      new Option(
        "--rescale <name>",
        "dare-*: by 1 / density, or to the L1 norm as in mergekit (density)",
      ).choices(DARE_RESCALES),
    )
    .option("--seed <n>", "dare-*: of what is dropped (0)", wholeNumber("--seed", 0))
    .option("--t <share>", "slerp: of the way from the base to the model (0.5)", numberBetween("--t", 0, 1))
    .addOption(
      new Option("--dtype <type>", "of the weights written (default: as the base's)").choices(DTYPES),
    )
    .option(
      "--shard-size <gb>",
      "largest file of weights, in gigabytes",
      numberBetween("--shard-size", 1e-6, 1e6),
      4,
    )
    .option("--ignore-tokenizers", "merge models with other tokenizers too, under the base's")
    .addHelpText(
      "after",
      "\nExamples:\n  tutti fuse merge --base runs/pivot --model runs/a runs/b runs/c --out runs/merged\n" +
        "  tutti fuse merge --method ties --base hf:ORG/BASE --model runs/a:0.6 runs/b:0.4 --out runs/merged",
    )
    .action(run);
}

/** The method with its flags, given or default; a flag that would silently change nothing is a mistake. */
function settingsOf(flags: Flags): MergeSettings {
  const own: MethodFlags = METHOD_FLAGS[flags.method];
  const every = Object.assign({}, ...Object.values(METHOD_FLAGS)) as MethodFlags;
  const settings: Record<string, unknown> = { method: flags.method };
  for (const name of Object.keys(every) as (keyof MethodFlags)[]) {
    const given = flags[name];
    if (name in own) settings[FIELDS[name] ?? name] = given ?? own[name];
    else if (given !== undefined) {
      const spelt = `--${name === "weightFloor" ? "weight-floor" : name}`;
      throw new TuttiError("INVALID_ARGUMENT", `${spelt} means nothing with --method ${flags.method}`, {
        hint: "leave it out, or choose another method",
      });
    }
  }
  return settings as MergeSettings;
}

/** "MODEL:0.5" in its parts. A colon that no number follows belongs to the model. */
export function weightedModel(text: string): { readonly reference: string; readonly weight: number } {
  const parts = /^(.+):([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)$/i.exec(text);
  return parts ? { reference: parts[1]!, weight: Number(parts[2]) } : { reference: text, weight: 1 };
}

/** Names are what others can know a model by: no folders of this machine. */
async function namedFolder(reference: string): Promise<NamedFolder> {
  return { path: await modelPath(reference), name: modelName(reference) };
}

async function run(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  const base = await namedFolder(flags.base);
  const models: ModelToMerge[] = [];
  for (const { reference, weight } of flags.model.map(weightedModel))
    models.push({ ...(await namedFolder(reference)), weight });
  const signal = interruptSignal("stopping; files that are finished are kept");
  let progress: ReturnType<typeof createProgress> | undefined;
  const merged = await mergeCheckpoints(
    {
      base,
      models,
      settings,
      out: flags.out,
      ...(flags.dtype && { dtype: flags.dtype.toUpperCase() as MergeDType }),
      shardBytes: flags.shardSize * 1e9,
      ignoresTokenizers: flags.ignoreTokenizers === true,
    },
    {
      signal,
      onNote: (note) => say(`note: ${note}`),
      onProgress: (done, total, tensor) => {
        const millions = (count: number): number => Math.round(count / 1e6);
        progress ??= createProgress(process.stderr, {
          label: "merging",
          total: millions(total),
          unit: "M parameters",
        });
        progress.update(millions(done), tensor);
      },
    },
  );
  progress?.finish();
  const { tensors, files, filesKept } = merged;
  const kept = filesKept > 0 ? `, ${filesKept} of them finished by an earlier run` : "";
  say(
    `${tensors} tensors of ${models.length} models in ${files.length} file${files.length === 1 ? "" : "s"}${kept}`,
  );
  say(`next: tutti model chat ${merged.path}`);
  printResult(merged.path);
}
