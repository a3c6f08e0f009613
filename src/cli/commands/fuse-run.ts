/** `tutti fuse run`: the whole of FuseChat-3.0, from prompts to the report. */
import { Command } from "commander";
import type { FuseEvents, StageName } from "../../fusion/index.ts";
import { runFuseChat } from "../../fusion/index.ts";
import { openFuse } from "../fuse-context.ts";
import { interruptSignal, printable, printResult, say } from "../io.ts";
import { createProgress, type Progress } from "../progress.ts";

export function fuseRunCommand(): Command {
  return new Command("run")
    .summary("prompts, samples, verdicts, training sets, SFT, DPO, evaluation, report")
    .description(
      "Makes one model of many, as FuseChat-3.0 does. Stopped by Ctrl-C or killed, the same command goes on where it was; run\n" +
        "again it does nothing; with other settings it redoes what depends on them.",
    )
    .argument("<config>", "fuse.yaml")
    .requiredOption("--out <dir>", "folder of the run")
    .option("--json", "machine-readable result")
    .addHelpText("after", "\nExample:\n  tutti fuse run fuse.yaml --out runs/fused")
    .action(run);
}

interface Flags {
  readonly out: string;
  readonly json?: true;
}

async function run(configFile: string, flags: Flags): Promise<void> {
  const signal = interruptSignal(
    "stopping; what is done is kept, and the same command goes on. Press Ctrl-C again to stop at once",
  );
  const { context, close } = await openFuse(configFile, flags.out, fuseEvents(), signal);
  try {
    const { model, page, json, stages } = await runFuseChat(context);
    if (flags.json) {
      const { sft, dpo } = stages;
      printResult(JSON.stringify({ model, page, json, weights: (dpo ?? sft).result.weights }, null, 2));
      return;
    }
    say(`report: ${page}`);
    say(`next: tutti model chat ${model}`);
    printResult(model);
  } finally {
    await close();
  }
}

/** A line as each stage begins and ends, and one of progress while it works. */
function fuseEvents(): FuseEvents {
  let progress: { readonly of: string; readonly line: Progress } | undefined;
  return {
    onStage: (stage, state) => {
      progress = undefined;
      if (state !== "begins") say(`${stage}: ${state === "done" ? "done" : "was done before"}`);
    },
    onFact: (stage, kind, sentence) =>
      say(printable(`${stage}: ${kind === "warning" ? "warning: " : ""}${sentence}`)),
    onProgress: ({ stage, part, done, total, unit, note }) => {
      const label = printable(labelOf(stage, part));
      const of = `${label} ${total}`;
      if (progress?.of !== of)
        progress = { of, line: createProgress(process.stderr, { label, total, unit }) };
      progress.line.update(done, note === undefined ? "" : printable(note));
    },
  };
}

const labelOf = (stage: StageName, part: string): string => (part === "" ? stage : `${stage}, ${part}`);
