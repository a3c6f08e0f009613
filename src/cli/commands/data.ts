/** `tutti data`: data sets in files and stores, and the training sets made of them. */
import { Command } from "commander";
import { dataExportCommand, dataImportCommand } from "./data-files.ts";
import { dataDiffCommand, dataShowCommand, dataStatsCommand } from "./data-look.ts";
import { dataDedupeCommand, dataSplitCommand } from "./data-part.ts";
import { dataPairsCommand, dataSftCommand } from "./data-training-sets.ts";

export function dataCommand(): Command {
  const data = new Command("data").description("data sets: in, out, looked at, selected").exitOverride();
  for (const command of [
    dataImportCommand(),
    dataExportCommand(),
    dataStatsCommand(),
    dataShowCommand(),
    dataDedupeCommand(),
    dataSplitCommand(),
    dataDiffCommand(),
    dataSftCommand(),
    dataPairsCommand(),
  ]) {
    data.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return data;
}
