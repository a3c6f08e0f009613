/** `tutti model`: what can be done with one language model. */
import { Command } from "commander";
import { modelChatCommand } from "./model-chat.ts";
import { modelGenerateCommand } from "./model-generate.ts";

export function modelCommand(): Command {
  const model = new Command("model").description("generate and chat with local models").exitOverride();
  for (const command of [modelGenerateCommand(), modelChatCommand()]) {
    model.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return model;
}
