/** `tutti train sft`: supervised fine-tuning on responses. */
import { Command } from "commander";
import { prepareSft } from "../../trainers/index.ts";
import { numberBetween } from "../flags.ts";
import { addEvaluationFlags } from "../training-evaluation.ts";
import { addTrainingFlags, runSettings, type TrainingFlags, trainAndWrite } from "../training-run.ts";

const DEFAULTS = { epochs: 3, learningRate: [1e-5, 2e-4] } as const;

interface Flags extends TrainingFlags {
  readonly neftune?: number;
}

export function trainSftCommand(): Command {
  const command = new Command("sft")
    .summary("supervised fine-tuning: learn the assistant's turns")
    .description(
      "Trains on the assistant's turns of conversations, packed into rows in which they do not see each other.\n" +
        "Stopped by Ctrl-C or killed, the same command goes on where it was.",
    );
  return addEvaluationFlags(addTrainingFlags(command, DEFAULTS))
    .option("--neftune <alpha>", "noise on embeddings, 5 to 15 as a rule", numberBetween("--neftune", 0, 1e6))
    .addHelpText(
      "after",
      "\nExample:\n  tutti data sft --data judged.jsonl.gz --out sft.jsonl\n" +
        "  tutti train sft --model hf:HuggingFaceTB/SmolLM2-135M-Instruct --data sft.jsonl --lora-rank 16 --out runs/sft",
    )
    .action(async (flags: Flags) => {
      const settings = {
        ...runSettings(flags, DEFAULTS),
        ...(flags.neftune !== undefined && { neftuneAlpha: flags.neftune }),
      };
      await trainAndWrite(flags, settings, (base, _, events) => prepareSft(base, settings, events));
    });
}
