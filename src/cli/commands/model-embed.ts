/** `tutti model embed`: vectors of texts, pooled as the model's own files say. */
import { Command } from "commander";
import { type EmbeddingModel, loadEmbeddingModel, TextEmbedder } from "../../embed/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { float32 } from "../../tensor/host-tensor.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import { writeSafetensors } from "../../weights/index.ts";
import { type GivenText, readTexts } from "../embedding-texts.ts";
import { wholeNumber } from "../flags.ts";
import { interruptSignal, printPart, printResult, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";
import { createProgress } from "../progress.ts";

interface Flags {
  readonly input?: string;
  readonly jsonl?: boolean;
  readonly field: string;
  readonly prompt?: string;
  readonly npy?: string;
  readonly safetensors?: string;
  readonly bits: number;
  readonly threads: number;
}

export function modelEmbedCommand(): Command {
  return new Command("embed")
    .summary("turn texts into vectors")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[text...]", "the texts; read from --input when absent")
    .option("--input <file>", "a text on every line, .gz too; standard input when absent or -")
    .option(
      "--jsonl",
      "lines are JSON: strings, or objects whose keys are kept; implied by .jsonl and .jsonl.gz",
    )
    .option("--field <name>", "key of an object that holds the text", "text")
    .option("--prompt <name>", "one of the model's prompts, such as query; its default prompt when absent")
    .option("--npy <file>", "write a matrix for numpy instead of JSON lines on standard output")
    .option("--safetensors <file>", 'write a matrix "embeddings" instead')
    .option("--bits <n>", "weights in 32 or 8 bits", wholeNumber("--bits", 8), 32)
    .option("--threads <n>", "compute threads", wholeNumber("--threads", 1), 2)
    .addHelpText(
      "after",
      '\nExamples:\n  tutti model embed hf:sentence-transformers/all-MiniLM-L6-v2 "a cello" "an empty hall"' +
        "\n  tutti model embed MODEL --input prompts.jsonl --field prompt --npy prompts.npy",
    )
    .action(async (model: string, texts: readonly string[], flags: Flags) => {
      await run(model, texts, flags);
    });
}

function load(path: string, bits: number): EmbeddingModel {
  if (bits !== 8 && bits !== 32) {
    throw new TuttiError("INVALID_ARGUMENT", `--bits is ${bits}, expected 32 or 8`);
  }
  let progress: ReturnType<typeof createProgress> | undefined;
  return loadEmbeddingModel(path, {
    weightBits: bits,
    onProgress: (done, total) => {
      progress ??= createProgress(process.stderr, { label: "loading", total, unit: "tensors" });
      if (done < total) progress.update(done);
      else progress.finish();
    },
  });
}

function describe({
  backbone,
  pipeline,
  dimension,
  maxTokens,
  weightBytes,
  quantizationError,
}: EmbeddingModel): string {
  const error =
    quantizationError === 0 ? "" : `, error ${(100 * quantizationError).toFixed(2)}% of the weights`;
  return [
    `${backbone.modelType}, ${(weightBytes / 1e6).toFixed(0)} MB of weights${error}`,
    `${pipeline.pooling.join(" + ")} pooling`,
    `${dimension} values, texts of ${maxTokens} tokens`,
  ].join(", ");
}

async function run(reference: string, texts: readonly string[], flags: Flags): Promise<void> {
  const given = await readTexts({
    texts,
    input: flags.input,
    isJson: flags.jsonl ?? /\.jsonl(\.gz)?$/.test(flags.input ?? ""),
    field: flags.field,
  });
  const path = await modelPath(reference);
  const model = load(path, flags.bits);
  say(describe(model));
  const embedder = await TextEmbedder.create(model, { threads: flags.threads });
  try {
    const progress = createProgress(process.stderr, {
      label: "embedding",
      total: given.length,
      unit: "texts",
    });
    const vectors = await embedder.embed(
      given.map(({ text }) => text),
      {
        signal: interruptSignal("stopping; press Ctrl-C again to stop at once"),
        onProgress: (done) => progress.update(done),
        ...(flags.prompt !== undefined && { prompt: flags.prompt }),
      },
    );
    progress.finish();
    write(given, vectors, embedder.dimension, flags);
  } finally {
    await embedder.dispose();
  }
}

/** Digits that name every float32. */
const FLOAT32_DIGITS = 9;

function write(
  given: readonly GivenText[],
  vectors: readonly Float32Array[],
  dimension: number,
  { npy, safetensors }: Flags,
): void {
  if (npy === undefined && safetensors === undefined) {
    for (const [index, { record }] of given.entries()) {
      const embedding = Array.from(vectors[index]!, (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
      printPart(`${JSON.stringify({ ...record, embedding })}\n`);
    }
    return;
  }
  const matrix = float32([vectors.length, dimension]);
  for (const [index, vector] of vectors.entries()) matrix.data.set(vector, index * dimension);
  if (npy !== undefined) writeFileAtomic(npy, encodeNpy(matrix));
  if (safetensors !== undefined) {
    const { shape, data } = matrix;
    writeSafetensors(safetensors, [{ name: "embeddings", dtype: "F32", shape, data }]);
  }
  for (const file of [npy, safetensors]) if (file !== undefined) printResult(file);
}
