/** `tutti router`: the commands around a trained router. */
import { Command } from "commander";
import { routerDriftCommand } from "./router-drift.ts";
import { routerEvalCommand } from "./router-eval.ts";
import { routerExplainCommand } from "./router-explain.ts";
import { routerExportCommand } from "./router-export.ts";
import { routerAddModelCommand, routerRemoveModelCommand } from "./router-growth.ts";
import { routerTrainCommand } from "./router-train.ts";
import { routerTuneCommand } from "./router-tune.ts";
import { routerVerifyCommand } from "./router-verify.ts";

export function routerCommand(): Command {
  const router = new Command("router").description("train, evaluate and explain routers").exitOverride();
  for (const command of [
    routerTrainCommand(),
    routerTuneCommand(),
    routerEvalCommand(),
    routerExplainCommand(),
    routerDriftCommand(),
    routerAddModelCommand(),
    routerRemoveModelCommand(),
    routerExportCommand(),
    routerVerifyCommand(),
  ]) {
    router.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return router;
}
