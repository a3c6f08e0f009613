/** `tutti data`: judged data in and out. */
import { Command } from "commander";
import { dataPairsCommand, dataSftCommand } from "./data-training-sets.ts";

export function dataCommand(): Command {
  const data = new Command("data").description("training sets from judged responses").exitOverride();
  for (const command of [dataSftCommand(), dataPairsCommand()])
    data.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return data;
}
