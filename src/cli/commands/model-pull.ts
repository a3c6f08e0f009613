/** `tutti model pull`: a model of the hub into the cache. */
import { Command } from "commander";
import { formatHubReference, parseModelReference } from "../../hub/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { printResult, say } from "../io.ts";
import { pullWithProgress } from "../model-source.ts";

export function modelPullCommand(): Command {
  return new Command("pull")
    .summary("fetch a model from the Hugging Face hub into the cache")
    .argument("<reference>", "hf:ORG/NAME[@REVISION][/FILE.gguf]")
    .addHelpText(
      "after",
      "\nPrints the path. Stopped by Ctrl-C or a broken connection, the same command goes on.\n" +
        "HF_TOKEN, HF_ENDPOINT, HF_HUB_CACHE, HF_HOME and HF_HUB_OFFLINE mean what they mean to Hugging Face's libraries.\n\n" +
        "Example:\n  tutti model pull hf:HuggingFaceTB/SmolLM2-135M-Instruct",
    )
    .action(async (text: string) => {
      const reference = parseModelReference(text);
      if (reference.kind === "path") {
        throw new TuttiError("INVALID_ARGUMENT", `"${text}" is a path, expected a model of the hub`, {
          hint: "write hf:ORG/NAME",
        });
      }
      const { path, commit, files, downloadedBytes } = await pullWithProgress(reference);
      const size =
        downloadedBytes === 0 ? "nothing to fetch" : `${(downloadedBytes / 1e6).toFixed(1)} MB fetched`;
      say(`${formatHubReference(reference)} at ${commit.slice(0, 12)}: ${files.length} files, ${size}`);
      printResult(path);
    });
}
