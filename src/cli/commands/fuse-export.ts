/** `tutti fuse export`: the trainings of a run for TRL or LLaMA-Factory. */
import { join } from "node:path";
import { Command } from "commander";
import { type FuseTargetName, loadFuseConfig } from "../../config/index.ts";
import {
  exportSet,
  PAIRS_DATA,
  PAIRS_FILE,
  type SelectedSets,
  SFT_DATA,
  SFT_FILE,
  selectedSets,
  TRAINERS,
  type Trainer,
  trainerFiles,
  VALIDATION_FILE,
} from "../../fusion/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { wholeNumber } from "../flags.ts";
import { openFusePlan } from "../fuse-context.ts";
import { interruptSignal, printResult, say } from "../io.ts";
import { oneOf } from "../judged-source.ts";

/** LLaMA-Factory's names of the chat templates of the paper's targets. */
const TEMPLATES: Readonly<Record<FuseTargetName, string>> = {
  "llama-3.1-8b": "llama3",
  "llama-3.2-3b": "llama3",
  "llama-3.2-1b": "llama3",
  "qwen-2.5-7b": "qwen",
  "gemma-2-9b": "gemma",
};

interface Flags {
  readonly format: Trainer;
  readonly out: string;
  readonly run?: string;
  readonly devices: number;
  readonly perDevice: number;
  readonly template?: string;
}

export function fuseExportCommand(): Command {
  return new Command("export")
    .summary("training sets and hyper-parameters as files of TRL or LLaMA-Factory")
    .description(
      "For targets that are trained elsewhere: writes the trainer's configuration files, and the training sets of a run that\n" +
        "has selected them.",
    )
    .argument("<config>", "fuse.yaml")
    .requiredOption("--format <trainer>", TRAINERS.join(", "), oneOf(TRAINERS))
    .requiredOption("--out <dir>", "folder for the files")
    .option("--run <dir>", "folder of the run whose training sets are exported")
    .option("--devices <n>", "devices that train together", wholeNumber("--devices", 1), 8)
    .option("--per-device <n>", "examples of one device at once", wholeNumber("--per-device", 1), 2)
    .option("--template <name>", "LLaMA-Factory's chat template (default: that of target.like)")
    .addHelpText(
      "after",
      "\nExample:\n  tutti fuse export fuse.yaml --format trl --run runs/fused --out runs/fused-trl",
    )
    .action(run);
}

async function run(configFile: string, flags: Flags): Promise<void> {
  const config = loadFuseConfig(configFile);
  const { files, data, notes } = trainerFiles(flags.format, config, {
    model: config.target.model.replace(/^hf:/, ""),
    template: flags.template ?? TEMPLATES[config.target.like],
    devices: flags.devices,
    perDevice: flags.perDevice,
  });
  for (const { name, content } of files) writeFileAtomic(join(flags.out, name), content);
  for (const note of notes) say(note);
  const sets = flags.run === undefined ? undefined : await setsOf(configFile, flags.run);
  if (sets === undefined) {
    say(`no training sets are selected: put them into ${flags.out} as ${SFT_DATA} and ${PAIRS_DATA},`);
    say("or let a run come to its stage select and export again with --run");
  } else {
    const answers = join(flags.out, SFT_DATA);
    say(`${await exportSet([join(sets.folder, SFT_FILE)], answers, "answers", data.sft)} rows: ${answers}`);
    if (data.pairs !== undefined) {
      const pairs = join(flags.out, PAIRS_DATA);
      // The trainer divides them itself: its file says which share is for validation.
      const parts = [PAIRS_FILE, VALIDATION_FILE].map((name) => join(sets.folder, name));
      say(`${await exportSet(parts, pairs, "pairs", data.pairs)} rows: ${pairs}`);
    }
  }
  printResult(files.map(({ name }) => join(flags.out, name)).join("\n"));
}

async function setsOf(configFile: string, folder: string): Promise<SelectedSets | undefined> {
  const { context, close } = await openFusePlan(configFile, folder, interruptSignal());
  try {
    return await selectedSets(context);
  } finally {
    await close();
  }
}
