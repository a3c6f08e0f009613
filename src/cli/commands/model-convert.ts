/** `tutti model convert`: between safetensors folders and GGUF files. */
import { Command, Option } from "commander";
import { type ConversionTarget, convertModel } from "../../models/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { printResult, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";
import { createProgress } from "../progress.ts";

interface Flags {
  readonly to: "safetensors" | "gguf";
  readonly dtype?: string;
  readonly out: string;
}

const DTYPES = { safetensors: ["f32", "f16", "bf16"], gguf: ["f16", "f32", "bf16", "q8_0"] } as const;

export function modelConvertCommand(): Command {
  return new Command("convert")
    .summary("write a model as safetensors for transformers, or as GGUF for llama.cpp")
    .argument("<model>", MODEL_ARGUMENT)
    .addOption(new Option("--to <format>", "format").choices(["safetensors", "gguf"]).makeOptionMandatory())
    .option("--dtype <type>", "safetensors: f32 (default), f16, bf16; gguf: f16 (default), f32, bf16, q8_0")
    .requiredOption("--out <path>", "new folder, or new file that ends in .gguf")
    .addHelpText(
      "after",
      "\nExample:\n  tutti model convert runs/mine/model --to gguf --dtype q8_0 --out mine.q8_0.gguf",
    )
    .action(async (model: string, flags: Flags) => {
      const target = targetOf(flags);
      const from = await modelPath(model);
      let progress: ReturnType<typeof createProgress> | undefined;
      const { tensors, files } = convertModel(from, flags.out, target, (done, total) => {
        progress ??= createProgress(process.stderr, { label: "converting", total, unit: "tensors" });
        progress.update(done);
      });
      progress?.finish();
      say(`${tensors} tensors as ${target.dtype}: ${files.join(", ")}`);
      printResult(flags.out);
    });
}

function targetOf({ to, dtype }: Flags): ConversionTarget {
  const choices: readonly string[] = DTYPES[to];
  const chosen = (dtype ?? choices[0]!).toLowerCase();
  if (!choices.includes(chosen)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `--dtype is "${dtype}", expected one of ${choices.join(", ")} for ${to}`,
    );
  }
  return { format: to, dtype: chosen.toUpperCase() } as ConversionTarget;
}
