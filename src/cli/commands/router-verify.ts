/** `tutti router verify`: whether an exported router is the one that was written, and decides as its original does. */
import { Command } from "commander";
import { readPrompts } from "../../judged/index.ts";
import { ExportedRouter, exportAgreement, readRouterManifest } from "../../routing/export/index.ts";
import { loadRouters, routerNamed } from "../../routing/router-folder.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { wholeNumber } from "../flags.ts";
import { printResult } from "../io.ts";
import { createProgress } from "../progress.ts";

interface Flags {
  readonly router?: string;
  readonly data?: string[];
  readonly threads: number;
}

export function routerVerifyCommand(): Command {
  return new Command("verify")
    .summary(
      "check the files of an exported router against its manifest, and its decisions against the original's",
    )
    .description(
      "Prints the digest, which stands for the whole folder: compare it with the one that export printed.\n" +
        "With --router and --data, prompts are scored by both: what 8 bits cost on this processor.",
    )
    .argument("<dir>", "folder of `tutti router export`")
    .option("--router <dir>", "folder of `tutti router train` that it was exported from")
    .option(
      "--data <file...>",
      "prompts (.jsonl or .jsonl.gz): judged records, chat requests, or just prompts",
    )
    .option("--threads <n>", "compute threads of each router", wholeNumber("--threads", 1), 2)
    .addHelpText(
      "after",
      "\nExamples:\n  tutti router verify router-onnx\n" +
        "  tutti router verify router-int8 --router runs/encoder --data assets/judged/gsm8k.jsonl.gz",
    )
    .action(async (folder: string, flags: Flags) => {
      const { router, data } = flags;
      if ((router === undefined) !== (data === undefined)) {
        throw new TuttiError(
          "INVALID_ARGUMENT",
          `${router === undefined ? "--data" : "--router"} was given alone`,
          { hint: "give --router and --data to compare decisions, neither to check the files" },
        );
      }
      const { files, digest } = await readRouterManifest(folder);
      printResult(`${folder}: ${files.length} files unchanged, digest ${digest}`);
      if (router !== undefined && data !== undefined) await compare(folder, router, data, flags.threads);
    });
}

async function compare(folder: string, original: string, data: string[], threads: number): Promise<void> {
  const prompts = await readPrompts(data);
  const exported = await ExportedRouter.open(folder, { threads });
  const backend = createOrtBackend({ threads });
  const progress = createProgress(process.stderr, {
    label: "comparing",
    total: prompts.length,
    unit: "prompts",
  });
  try {
    const router = routerNamed(loadRouters(original, backend).routers, exported.name, original);
    const { sameChoiceShare, relativeError } = await exportAgreement(exported, router, prompts, (done) =>
      progress.update(done),
    );
    printResult(
      `${prompts.length} prompts: the same model as ${original} for ${(100 * sameChoiceShare).toFixed(1)}%, ` +
        `scores off by ${(100 * relativeError).toFixed(2)}% of their differences between models`,
    );
  } finally {
    progress.finish();
    await exported.dispose();
  }
}
