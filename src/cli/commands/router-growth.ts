/** `tutti router add-model` and `remove-model`: the list of candidates after training. */
import { Command } from "commander";
import { joinJudgedFiles } from "../../judged/index.ts";
import { addCandidate, removeCandidate } from "../../routing/grow-folder.ts";
import { readManifest } from "../../routing/router-folder.ts";
import { say } from "../io.ts";
import { checkSource, type DatasetFlags, JUDGE_OPTION, readDataset, STORE_OPTION } from "../judged-source.ts";
import { createProgress } from "../progress.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface AddFlags extends ProviderFlags, Omit<DatasetFlags, "models"> {
  readonly router: string;
  readonly model: string;
  readonly dropUngrowable?: boolean;
  readonly default?: string;
}

export function routerAddModelCommand(): Command {
  return new Command("add-model")
    .summary("take a new model into a trained router")
    .description(
      "Learns one more candidate from a few hundred judged answers, with everything else frozen: scores of the other\n" +
        "models stay the same bit for bit. The folder is usable throughout.",
    )
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .option(
      "--data <file...>",
      "judged answers of the new model and of all others to the same prompts; files are joined by id",
    )
    .option(...STORE_OPTION)
    .option(...JUDGE_OPTION)
    .option("--domains <name...>", "of a store: only prompts of these domains")
    .option("--splits <name...>", "of a store: only prompts of these splits")
    .requiredOption("--model <name>", "the new candidate, as the data names it")
    .option("--drop-ungrowable", "leave methods that cannot take a model in out of the router")
    .option("--default <name>", "the method that serves afterwards; the one that serves now otherwise")
    .addOption(providerOption())
    .addHelpText(
      "after",
      "\nExample:\n  tutti router add-model --router runs/first --data old.jsonl.gz new.jsonl.gz --model my-model",
    )
    .action(async (flags: AddFlags) => {
      await add(flags);
    });
}

async function add(flags: AddFlags): Promise<void> {
  const { candidates } = readManifest(flags.router);
  const needed = candidates.includes(flags.model) ? candidates : [...candidates, flags.model];
  checkSource(flags);
  const { records } =
    flags.data === undefined
      ? await readDataset({ ...flags, models: needed })
      : await joinJudgedFiles(flags.data, needed);
  say(`${records.length} prompts with answers of ${flags.model} and ${candidates.length} others`);
  let progress: ReturnType<typeof createProgress> | undefined;
  const { dropped, notes } = await addCandidate(
    flags.router,
    flags.model,
    records,
    {
      dropsUngrowable: flags.dropUngrowable === true,
      ...(flags.default !== undefined && { defaultMethod: flags.default }),
      onMethod: (done, total, name) => {
        progress ??= createProgress(process.stderr, { label: "adding", total, unit: "methods" });
        progress.update(done, name);
      },
    },
    decidingBackend(flags),
  );
  progress?.finish();
  for (const method of dropped) say(`left out: ${method}`);
  for (const note of notes) say(`note: ${note}`);
  say(`${flags.model} added to ${flags.router}`);
  say(`next: add it to pool.yaml, and try tutti router eval --router ${flags.router} --data FILE...`);
}

interface RemoveFlags extends ProviderFlags {
  readonly router: string;
  readonly model: string;
}

export function routerRemoveModelCommand(): Command {
  return new Command("remove-model")
    .summary("drop a model from a trained router")
    .description("Nothing is trained: the model's scores are left out, the others stay the same.")
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .requiredOption("--model <name>", "the candidate to drop")
    .addOption(providerOption())
    .addHelpText("after", "\nExample:\n  tutti router remove-model --router runs/first --model old-model")
    .action((flags: RemoveFlags) => {
      const { candidates } = removeCandidate(flags.router, flags.model, decidingBackend(flags));
      say(`${flags.model} dropped from ${flags.router}, which now chooses among ${candidates.join(", ")}`);
    });
}
