/** `tutti router verify`: whether an exported router is the one that was written. */
import { Command } from "commander";
import { readRouterManifest } from "../../routing/export/index.ts";
import { printResult } from "../io.ts";

export function routerVerifyCommand(): Command {
  return new Command("verify")
    .summary("check the files of an exported router against its manifest")
    .description(
      "Prints the digest, which stands for the whole folder: compare it with the one that export printed.",
    )
    .argument("<dir>", "folder of `tutti router export`")
    .addHelpText("after", "\nExample:\n  tutti router verify router-onnx")
    .action(async (folder: string) => {
      const { files, digest } = await readRouterManifest(folder);
      printResult(`${folder}: ${files.length} files unchanged, digest ${digest}`);
    });
}
