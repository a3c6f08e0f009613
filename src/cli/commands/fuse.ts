/** `tutti fuse`: many source models into one target. */
import { Command } from "commander";
import { fuseExportCommand } from "./fuse-export.ts";
import { fusePlanCommand } from "./fuse-plan.ts";
import { fuseRunCommand } from "./fuse-run.ts";

export function fuseCommand(): Command {
  const fuse = new Command("fuse").description("fuse many source models into one").exitOverride();
  for (const command of [fuseRunCommand(), fusePlanCommand(), fuseExportCommand()])
    fuse.addCommand(command.exitOverride().showHelpAfterError("(--help shows the options)"));
  return fuse;
}
