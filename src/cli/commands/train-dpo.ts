/** `tutti train dpo`: preference optimisation, by DPO and its relatives. */
import { join } from "node:path";
import { Command, Option } from "commander";
import { TuttiError } from "../../support/errors.ts";
import {
  directPreference,
  oddsRatioPreference,
  type PreferenceObjective,
  preparePreference,
  simplePreference,
  unpairedPreference,
  weightedPreference,
} from "../../trainers/index.ts";
import { meansNothing, numberBetween } from "../flags.ts";
import { say } from "../io.ts";
import { createProgress } from "../progress.ts";
import { addEvaluationFlags } from "../training-evaluation.ts";
import { addTrainingFlags, runSettings, type TrainingFlags, trainAndWrite } from "../training-run.ts";

const DEFAULTS = { epochs: 1, learningRate: [1e-6, 2e-5], learningRateNote: "; wrpo 3e-7" } as const;
const LOSSES = ["sigmoid", "hinge", "ipo", "robust", "simpo", "orpo", "kto", "wrpo"] as const;

/** Those of the paper, arXiv 2412.03187. */
const WRPO = {
  learningRate: [3e-7, DEFAULTS.learningRate[1]],
  beta: 0.01,
  sourceShare: [0, 0.1],
} as const;
/** Of losses whose log-probabilities count per token. */
const BETA_PER_TOKEN = 10;

interface Flags extends TrainingFlags {
  readonly loss: (typeof LOSSES)[number];
  readonly beta?: number;
  readonly lengthNormalised?: true;
  readonly labelSmoothing: number;
  readonly targetMargin?: number;
  readonly desirableWeight?: number;
  readonly undesirableWeight?: number;
  readonly sourceShare?: readonly [from: number, to: number];
  readonly referenceDir?: string;
}

export function trainDpoCommand(): Command {
  const command = new Command("dpo")
    .summary(
      "preference optimisation: DPO, length-normalised DPO, IPO, hinge, robust, SimPO, ORPO, KTO, WRPO",
    )
    .description(
      "Trains on chosen and rejected answers, kto also on answers labelled one by one, wrpo on triples with a\n" +
        "source_chosen answer of another model.\n" +
        "The reference's log-probabilities are computed once and kept in a file.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on where it was.",
    );
  return addEvaluationFlags(addTrainingFlags(command, DEFAULTS))
    .addOption(new Option("--loss <name>", "objective").choices(LOSSES).default("sigmoid"))
    .option(
      "--beta <x>",
      "strength of the preference; lambda of orpo (default: 0.1, with --length-normalised 10, simpo 2, wrpo 0.01)",
      numberBetween("--beta", Number.MIN_VALUE, Number.MAX_VALUE),
    )
    .option("--length-normalised", "log-probabilities count per token; wants a much larger beta")
    .option(
      "--label-smoothing <share>",
      "sigmoid and robust: share of pairs that may be the wrong way round",
      numberBetween("--label-smoothing", 0, 0.5),
      0,
    )
    .option(
      "--target-margin <gamma>",
      "simpo: margin between the rewards (default: half of beta)",
      numberBetween("--target-margin", 0, Number.MAX_VALUE),
    )
    .option(
      "--desirable-weight <x>",
      "kto: of good answers (default: 1)",
      numberBetween("--desirable-weight", 0, 1e6),
    )
    .option(
      "--undesirable-weight <x>",
      "kto: of bad ones (default: 1)",
      numberBetween("--undesirable-weight", 0, 1e6),
    )
    .option(
      "--source-share <from,to>",
      `wrpo: weight of the source's answer, from the first step to the last (default: ${WRPO.sourceShare.join()})`,
      sharesFromTo("--source-share"),
    )
    .option(
      "--reference-dir <dir>",
      "where the reference's log-probabilities are kept (default: OUT/reference)",
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti data pairs --data judged.jsonl.gz --out pairs.jsonl\n" +
        "  tutti train dpo --model runs/sft/model --data pairs.jsonl --length-normalised --beta 10 --out runs/dpo",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

/** Parses "0,0.1", or one number for both. */
function sharesFromTo(name: string): (text: string) => readonly [number, number] {
  const share = numberBetween(name, 0, 1);
  return (text) => {
    const [from, to = from, ...more] = text.split(",");
    if (more.length === 0) return [share(from!), share(to!)];
    throw new TuttiError("INVALID_ARGUMENT", `${name} is "${text}", expected two numbers such as 0,0.1`);
  };
}

function objectiveOf(flags: Flags): PreferenceObjective {
  const { loss, labelSmoothing, lengthNormalised } = flags;
  refuseForeign(flags);
  const isLengthNormalised = lengthNormalised === true;
  switch (loss) {
    case "simpo": {
      const beta = flags.beta ?? 2;
      return simplePreference({ beta, targetMargin: flags.targetMargin ?? beta / 2 });
    }
    case "orpo":
      return oddsRatioPreference({ lambda: flags.beta ?? 0.1 });
    case "kto": {
      const { desirableWeight = 1, undesirableWeight = 1 } = flags;
      return unpairedPreference({ beta: flags.beta ?? 0.1, desirableWeight, undesirableWeight });
    }
    case "wrpo": {
      const { sourceShare = WRPO.sourceShare } = flags;
      const beta = flags.beta ?? (isLengthNormalised ? BETA_PER_TOKEN : WRPO.beta);
      return weightedPreference({ beta, isLengthNormalised, sourceShare });
    }
    default: {
      const beta = flags.beta ?? (isLengthNormalised ? BETA_PER_TOKEN : 0.1);
      return directPreference({ loss, beta, isLengthNormalised, labelSmoothing });
    }
  }
}

/** A flag that would silently change nothing is a mistake. */
function refuseForeign(flags: Flags): void {
  const { loss } = flags;
  const isNormalisable = loss === "sigmoid" || loss === "hinge" || loss === "robust" || loss === "wrpo";
  const isSmoothed = loss === "sigmoid" || loss === "robust";
  const hasReference = loss !== "simpo" && loss !== "orpo";
  const foreign =
    (flags.lengthNormalised && !isNormalisable && "--length-normalised") ||
    (flags.labelSmoothing > 0 && !isSmoothed && "--label-smoothing") ||
    (flags.targetMargin !== undefined && loss !== "simpo" && "--target-margin") ||
    (flags.desirableWeight !== undefined && loss !== "kto" && "--desirable-weight") ||
    (flags.undesirableWeight !== undefined && loss !== "kto" && "--undesirable-weight") ||
    (flags.sourceShare !== undefined && loss !== "wrpo" && "--source-share") ||
    (flags.referenceDir !== undefined && !hasReference && "--reference-dir");
  if (foreign) throw meansNothing(foreign, `with --loss ${loss}`, "leave it out, or choose another loss");
}

async function run(flags: Flags): Promise<void> {
  const settings = {
    ...runSettings(
      flags,
      flags.loss === "wrpo" ? { ...DEFAULTS, learningRate: WRPO.learningRate } : DEFAULTS,
    ),
    objective: objectiveOf(flags),
    referenceFolder: flags.referenceDir ?? join(flags.out, "reference"),
  };
  await trainAndWrite(flags, settings, async (base, backend, events) => {
    let progress: ReturnType<typeof createProgress> | undefined;
    const prepared = await preparePreference(base, settings, backend, {
      ...events,
      onProgress: (done, total) => {
        progress ??= createProgress(process.stderr, { label: "reference", total, unit: "prompts" });
        if (done === total) progress.finish();
        else progress.update(done);
        if (done === total) progress = undefined;
      },
    });
    if (settings.objective.needsReference) say(`reference: ${settings.referenceFolder}`);
    return prepared;
  });
}
