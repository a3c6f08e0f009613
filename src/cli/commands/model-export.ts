/** `tutti model export`: a model as one ONNX file for any runtime. */
import { Command, Option } from "commander";
import { EXPORT_DTYPES, EXPORT_TASKS, type ExportOptions, exportOnnx } from "../../export/index.ts";
import { wholeNumber } from "../flags.ts";
import { printResult, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";
import { createProgress } from "../progress.ts";

interface Flags {
  readonly out: string;
  readonly dtype: ExportOptions["dtype"];
  readonly task: ExportOptions["task"];
  readonly withPast?: boolean;
  readonly external?: boolean;
  readonly operators: ExportOptions["operators"];
  readonly context?: number;
}

export function modelExportCommand(): Command {
  return new Command("export")
    .summary("write a model as an ONNX file for Python, browsers and other runtimes")
    .argument("<model>", MODEL_ARGUMENT)
    .requiredOption("--out <folder>", "new folder")
    .addOption(
      new Option("--dtype <type>", "how matrices are stored").choices([...EXPORT_DTYPES]).default("f32"),
    )
    .addOption(
      new Option(
        "--task <task>",
        "what the graph computes; default: what the weights have a head for",
      ).choices([...EXPORT_TASKS]),
    )
    .option("--with-past", "decoders: take and give keys and values of older tokens")
    .option("--external", "put weights into model.onnx.data; models over 2 GiB have them there in any case")
    .addOption(
      new Option("--operators <set>", "int8: onnxruntime multiplies in 8 bits, standard widens when opened")
        .choices(["onnxruntime", "standard"])
        .default("onnxruntime"),
    )
    .option(
      "--context <tokens>",
      "positions that the file knows; default: the model's own",
      wholeNumber("--context", 1),
    )
    .addHelpText(
      "after",
      "\nExample:\n  tutti model export hf:HuggingFaceTB/SmolLM2-135M-Instruct --with-past --dtype int8 --out smollm2-onnx",
    )
    .action(async (model: string, flags: Flags) => {
      const from = await modelPath(model);
      let progress: ReturnType<typeof createProgress> | undefined;
      const manifest = await exportOnnx(from, flags.out, {
        task: flags.task,
        dtype: flags.dtype,
        hasPast: flags.withPast,
        isExternal: flags.external,
        operators: flags.operators,
        contextTokens: flags.context,
        ...(model.startsWith("hf:") && { sourceName: model }),
        onTensor: (done, total) => {
          progress ??= createProgress(process.stderr, { label: "exporting", total, unit: "tensors" });
          progress.update(done);
        },
      });
      progress?.finish();
      const { task, hasPast, weights, files, contextTokens } = manifest;
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      const error = weights.quantizationError;
      say(
        `${task}${hasPast ? " with past" : ""}, ${weights.dtype}, ${contextTokens} positions, ${(bytes / 1e6).toFixed(1)} MB` +
          (error === undefined ? "" : `, error ${(100 * error).toFixed(2)}% of the weights`),
      );
      say(files.map(({ name }) => name).join(", "));
      printResult(flags.out);
    });
}
