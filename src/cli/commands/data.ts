/** `tutti data`: judged data in and out. */
import { Command } from "commander";
import { dataPairsCommand, dataSftCommand } from "./data-training-sets.ts";

export function dataCommand(): Command {
  const data = new Command("data").description("training sets from judged responses").exitOverride();
  for (const command of [dataSftCommand(), dataPairsCommand()])
    data.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
/** `tutti data`: data sets in files and stores. */
import { Command } from "commander";
import { dataExportCommand, dataImportCommand } from "./data-files.ts";
import { dataDiffCommand, dataShowCommand, dataStatsCommand } from "./data-look.ts";
import { dataDedupeCommand, dataSplitCommand } from "./data-part.ts";

export function dataCommand(): Command {
  const data = new Command("data").description("import, export and look at data sets").exitOverride();
  for (const command of [
    dataImportCommand(),
    dataExportCommand(),
    dataStatsCommand(),
    dataShowCommand(),
    dataDedupeCommand(),
    dataSplitCommand(),
    dataDiffCommand(),
  ]) {
    data.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return data;
}
