#!/usr/bin/env node
/** The `tutti` command. */
import { Command, CommanderError } from "commander";
import { version } from "../support/version.ts";
import { exitCodeOf, sayError } from "./io.ts";

async function build(): Promise<Command> {
  const program = new Command("tutti")
    .description("Turns a pool of language models into one better model.")
    .version(version)
    .showHelpAfterError("(--help shows the options)")
    .exitOverride();
  const router = new Command("router").description("train, evaluate and explain routers").exitOverride();
  const { routerTrainCommand } = await import("./commands/router-train.ts");
  const { routerTuneCommand } = await import("./commands/router-tune.ts");
  const { routerEvalCommand } = await import("./commands/router-eval.ts");
  const { routerExplainCommand } = await import("./commands/router-explain.ts");
  const { routerExportCommand } = await import("./commands/router-export.ts");
  const { routerVerifyCommand } = await import("./commands/router-verify.ts");
  const { routerDriftCommand } = await import("./commands/router-drift.ts");
  const { routerAddModelCommand, routerRemoveModelCommand } = await import("./commands/router-growth.ts");
  const { dataCommand } = await import("./commands/data.ts");
  const { modelCommand } = await import("./commands/model.ts");
  const { leaderboardCommand } = await import("./commands/leaderboard.ts");
  const { poolCommand } = await import("./commands/pool.ts");
  const { sampleCommand } = await import("./commands/sample.ts");
  const { judgeCommand } = await import("./commands/judge.ts");
  const { storeCommand } = await import("./commands/store.ts");
  const { trainCommand } = await import("./commands/train.ts");
  const { demoCommand } = await import("./commands/demo.ts");
  const { serveCommand } = await import("./commands/serve.ts");
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
  return program
    .addCommand(router)
    .addCommand(dataCommand())
    .addCommand(modelCommand())
    .addCommand(leaderboardCommand().exitOverride().showHelpAfterError())
    .addCommand(poolCommand())
    .addCommand(trainCommand())
    .addCommand(sampleCommand().exitOverride().showHelpAfterError("(--help shows the options)"))
    .addCommand(judgeCommand().exitOverride().showHelpAfterError("(--help shows the options)"))
    .addCommand(storeCommand())
    .addCommand(serveCommand().exitOverride().showHelpAfterError())
    .addCommand(demoCommand().exitOverride().showHelpAfterError());
}

try {
  const program = await build();
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    sayError(error);
    process.exitCode = exitCodeOf(error);
  }
}
