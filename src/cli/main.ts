#!/usr/bin/env node
/** The `tutti` command. */
import { Command, CommanderError } from "commander";
import { version } from "../support/version.ts";
import { exitCodeOf, sayError } from "./io.ts";

/** In the order of the help. A command's code is loaded when it is asked for: reading all of it takes longer than most commands. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  router: async () => (await import("./commands/router.ts")).routerCommand(),
  data: async () => (await import("./commands/data.ts")).dataCommand(),
  model: async () => (await import("./commands/model.ts")).modelCommand(),
  leaderboard: async () => (await import("./commands/leaderboard.ts")).leaderboardCommand(),
  pool: async () => (await import("./commands/pool.ts")).poolCommand(),
  train: async () => (await import("./commands/train.ts")).trainCommand(),
  fuse: async () => (await import("./commands/fuse.ts")).fuseCommand(),
  sample: async () => (await import("./commands/sample.ts")).sampleCommand(),
  judge: async () => (await import("./commands/judge.ts")).judgeCommand(),
  store: async () => (await import("./commands/store.ts")).storeCommand(),
  serve: async () => (await import("./commands/serve.ts")).serveCommand(),
  demo: async () => (await import("./commands/demo.ts")).demoCommand(),
};

async function build(name: string | undefined): Promise<Command> {
  const program = new Command("tutti")
    .description("Turns a pool of language models into one better model.")
    .version(version)
    .showHelpAfterError("(--help shows the options)")
    .exitOverride();
  const isKnown = name !== undefined && Object.hasOwn(COMMANDS, name);
  for (const load of isKnown ? [COMMANDS[name]!] : Object.values(COMMANDS)) {
    program.addCommand((await load()).exitOverride().showHelpAfterError("(--help shows the options)"));
  }
  return program;
}

try {
  const program = await build(process.argv[2]);
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    sayError(error);
    process.exitCode = exitCodeOf(error);
  }
}
