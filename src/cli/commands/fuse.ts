/** `tutti fuse`: many models made into one. */
import { Command } from "commander";
import { fuseMergeCommand } from "./fuse-merge.ts";

export function fuseCommand(): Command {
  const fuse = new Command("fuse").description("make one model of many").exitOverride();
  for (const command of [fuseMergeCommand()])
    fuse.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return fuse;
}
