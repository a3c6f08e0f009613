/** `tutti train`: language models and reward models from data files. */
import { Command } from "commander";
import { trainDpoCommand } from "./train-dpo.ts";
import { trainRewardCommand } from "./train-reward.ts";
import { trainSftCommand } from "./train-sft.ts";

export function trainCommand(): Command {
  const train = new Command("train")
    .description("fine-tune language models on answers and preferences, and train reward models")
    .exitOverride();
  for (const command of [trainSftCommand(), trainDpoCommand(), trainRewardCommand()])
    train.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return train;
}
