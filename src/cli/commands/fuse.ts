/** `tutti fuse`: many source models into one target. */
import { Command } from "commander";
import { fuseExportCommand } from "./fuse-export.ts";
import { fusePlanCommand } from "./fuse-plan.ts";
import { fuseRunCommand } from "./fuse-run.ts";

export function fuseCommand(): Command {
  const fuse = new Command("fuse").description("fuse many source models into one").exitOverride();
  for (const command of [fuseRunCommand(), fusePlanCommand(), fuseExportCommand()])
/** `tutti fuse`: many models made into one. */
import { Command } from "commander";
import { fuseMergeCommand } from "./fuse-merge.ts";

export function fuseCommand(): Command {
  const fuse = new Command("fuse").description("make one model of many").exitOverride();
  for (const command of [fuseMergeCommand()])
    fuse.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return fuse;
}
