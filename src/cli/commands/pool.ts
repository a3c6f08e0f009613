/** `tutti pool`: the models that can be asked. */
import { Command } from "commander";
import { poolCheckCommand } from "./pool-check.ts";

export function poolCommand(): Command {
  const pool = new Command("pool").description("check the models of a pool file").exitOverride();
  return pool.addCommand(poolCheckCommand().exitOverride().showHelpAfterError("(--help shows the options)"));
}
