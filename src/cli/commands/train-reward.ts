/** `tutti train reward`: reward models, from pairs or from scores. */
import { Command, Option } from "commander";
import { prepareReward } from "../../trainers/index.ts";
import { numberBetween } from "../flags.ts";
import { addTrainingFlags, runSettings, type TrainingFlags, trainAndWrite } from "../training-run.ts";

const DEFAULTS = { epochs: 1, learningRate: [1e-5, 2e-4] } as const;

interface Flags extends TrainingFlags {
  readonly loss: "bradley-terry" | "regression";
  readonly centring: number;
}

export function trainRewardCommand(): Command {
  const command = new Command("reward")
    .summary("a reward model: chosen answers above rejected ones, or scores as they are given")
    .description(
      "Gives a language model a head of one number and trains both.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on where it was.",
    );
  return addTrainingFlags(command, DEFAULTS)
    .addOption(
      new Option("--loss <name>", "objective")
        .choices(["bradley-terry", "regression"])
        .default("bradley-terry"),
    )
    .option(
      "--centring <x>",
      "bradley-terry: weight of the rewards' squared sum, such as 0.01",
      numberBetween("--centring", 0, 1e6),
      0,
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti train reward --model hf:HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl --out runs/reward",
    )
    .action(async (flags: Flags) => {
      const { loss, centring } = flags;
      const objective = loss === "regression" ? { kind: loss } : { kind: loss, centring };
      const settings = { ...runSettings(flags, DEFAULTS), objective };
      await trainAndWrite(flags, settings, (base) => prepareReward(base, settings));
    });
}
