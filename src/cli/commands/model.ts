/** `tutti model`: what can be done with one language model. */
import { Command } from "commander";
import { modelChatCommand } from "./model-chat.ts";
import { modelConvertCommand } from "./model-convert.ts";
import { modelEmbedCommand } from "./model-embed.ts";
import { modelExportCommand } from "./model-export.ts";
import { modelGenerateCommand } from "./model-generate.ts";
import { modelInspectCommand } from "./model-inspect.ts";
import { modelListCommand } from "./model-list.ts";
import { modelPullCommand } from "./model-pull.ts";

export function modelCommand(): Command {
  const model = new Command("model")
    .description("fetch, inspect, convert, export, embed, generate and chat with models")
    .exitOverride();
  const commands = [
    modelPullCommand(),
    modelListCommand(),
    modelInspectCommand(),
    modelConvertCommand(),
    modelExportCommand(),
    modelEmbedCommand(),
    modelGenerateCommand(),
    modelChatCommand(),
  ];
  for (const command of commands) {
    model.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return model;
}
