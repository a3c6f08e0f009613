/**
 * Checks with llama.cpp that the GGUF files written here hold the models they were made of:
 *
 *   python tools/fixtures/gguf_models.py --models DIR
 *   npx tsx tools/gguf-check/llama-cpp.ts DIR FOLDER_WITH_NODE_LLAMA_CPP [TYPE...]
 *
 * Writes each model of DIR as GGUF, lets llama.cpp compute the probabilities after 57 tokens, and compares them with
 * the logits that `transformers` gave. node-llama-cpp is no dependency of this package: install it in a folder of its own.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { GgufMetadata } from "../../src/weights/gguf/metadata.ts";
import { writeGgufModel } from "../../src/weights/gguf/model-write.ts";
import { GGUF_WRITE_TYPES, type GgufWriteType } from "../../src/weights/gguf/write.ts";
import { openSafetensors, readSafetensors } from "../../src/weights/index.ts";

const MODELS = ["llama", "llama3", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gpt2"];
const VOCABULARY = 288;
const IDS = Array.from({ length: 57 }, (_, index) => (3 + index) % VOCABULARY);
/** Largest difference of a probability; llama.cpp keeps keys and values in float16, its kernels round activations. */
const TOLERANCE: Readonly<Record<GgufWriteType, number>> = { F32: 1e-4, F16: 1e-3, BF16: 3e-3, Q8_0: 1e-2 };

/** A vocabulary that llama.cpp accepts: three special tokens, the byte alphabet, and unused ones. */
function byteVocabulary(): GgufMetadata {
  const printable = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173),
  );
  const others = Array.from({ length: 256 - printable.length }, (_, index) => 256 + index);
  const tokens = [
    "<pad>",
    "<s>",
    "</s>",
    ...[...printable, ...others].map((code) => String.fromCodePoint(code)),
  ];
  while (tokens.length < VOCABULARY) tokens.push(`<unused${tokens.length}>`);
  const types = Int32Array.from(tokens, (_, id) => (id < 3 ? 3 : id < 259 ? 1 : 5));
  return new Map([
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "gpt-2" }],
    ["tokenizer.ggml.tokens", { type: "array", items: "string", value: tokens }],
    ["tokenizer.ggml.token_type", { type: "array", items: "int32", value: types }],
    ["tokenizer.ggml.merges", { type: "array", items: "string", value: ["a b"] }],
    ["tokenizer.ggml.bos_token_id", { type: "uint32", value: 1 }],
    ["tokenizer.ggml.eos_token_id", { type: "uint32", value: 2 }],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ]);
}

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const exponentials = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum);
}

async function loadLlamaCpp(folder: string) {
  const entry = createRequire(join(resolve(folder), "index.js")).resolve("node-llama-cpp");
  const { getLlama } = await import(pathToFileURL(entry).href);
  return getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: "error" });
}

/** Probability of each token after IDS. */
async function probabilities(
  llama: Awaited<ReturnType<typeof loadLlamaCpp>>,
  path: string,
): Promise<ReadonlyMap<number, number>> {
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 128, batchSize: 128, threads: 1 });
  const last = IDS.length - 1;
  const output = await context
    .getSequence()
    .controlledEvaluate([...IDS.slice(0, last), [IDS[last], { generateNext: { probabilities: true } }]]);
  await context.dispose();
  await model.dispose();
  return output[last].next.probabilities;
}

const [folder = ".", llamaFolder = ".", ...types] = process.argv.slice(2);
const llama = await loadLlamaCpp(llamaFolder);
const wanted = GGUF_WRITE_TYPES.filter((type) => types.length === 0 || types.includes(type));
for (const name of MODELS) {
  const config = JSON.parse(readFileSync(join(folder, name, "config.json"), "utf8"));
  const { logits } = Object.fromEntries(
    readSafetensors(join(folder, name, "logits.safetensors")).tensors.entries(),
  );
  const expected = softmax(logits!.data as Float32Array);
  for (const type of wanted) {
    const path = join(folder, `${name}.${type}.gguf`);
    const weights = openSafetensors(join(folder, name, "model.safetensors"));
    writeGgufModel(path, { config, weights, type, metadata: byteVocabulary() });
    weights.close();
    let largest = 0;
    for (const [id, probability] of await probabilities(llama, path)) {
      largest = Math.max(largest, Math.abs(probability - expected[id]!));
    }
    const isClose = largest <= TOLERANCE[type];
    if (!isClose) process.exitCode = 1;
    console.log(
      `${name} ${type}: largest difference ${largest.toExponential(2)}${isClose ? "" : " TOO LARGE"}`,
    );
  }
}
process.exit();
