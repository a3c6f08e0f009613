/** `tutti fuse`: many models made into one. */
import { Command } from "commander";
import { fuseExportCommand } from "./fuse-export.ts";
import { fuseMergeCommand } from "./fuse-merge.ts";
import { fusePlanCommand } from "./fuse-plan.ts";
import { fuseRunCommand } from "./fuse-run.ts";

export function fuseCommand(): Command {
  const fuse = new Command("fuse").description("make one model of many").exitOverride();
  for (const command of [fuseRunCommand(), fusePlanCommand(), fuseExportCommand(), fuseMergeCommand()])
    fuse.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return fuse;
}
