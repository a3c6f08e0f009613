/** `tutti train reward`: reward models, from pairs or from scores. */
import { Command, Option } from "commander";
import { prepareReward, type RewardObjective } from "../../trainers/index.ts";
import { meansNothing, numberBetween } from "../flags.ts";
import { addTrainingFlags, runSettings, type TrainingFlags, trainAndWrite } from "../training-run.ts";

const DEFAULTS = { epochs: 1, learningRate: [1e-5, 2e-4] } as const;

interface Flags extends TrainingFlags {
  readonly loss: "bradley-terry" | "regression";
  readonly centring?: number;
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
      "bradley-terry: weight of the rewards' squared sum, such as 0.01 (default: 0)",
      numberBetween("--centring", 0, 1e6),
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti train reward --model hf:HuggingFaceTB/SmolLM2-135M-Instruct --data pairs.jsonl --out runs/reward",
    )
    .action(async (flags: Flags) => {
      const objective = objectiveOf(flags);
      const settings = { ...runSettings(flags, DEFAULTS), objective };
      await trainAndWrite(flags, settings, (base, _, events) => prepareReward(base, settings, events));
    });
}

function objectiveOf({ loss, centring }: Flags): RewardObjective {
  if (loss === "bradley-terry") return { kind: loss, centring: centring ?? 0 };
  if (centring === undefined) return { kind: loss };
  throw meansNothing("--centring", `with --loss ${loss}`, "leave it out, or choose another loss");
}
