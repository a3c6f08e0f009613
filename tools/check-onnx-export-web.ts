/**
 * Runs a folder written by `tutti model export` in onnxruntime-web's WebAssembly build, under Node, beside onnxruntime-node.
 * The package is 136 MB, so it is no dependency here: install it anywhere and name the folder.
 *
 *     npm install --prefix /some/folder onnxruntime-web
 *     npx tsx tools/check-onnx-export-web.ts EXPORT /some/folder
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as native from "onnxruntime-node";
import { readExportManifest } from "../src/export/index.ts";

const TOKENS = 16;

const [folder, packages] = process.argv.slice(2);
if (!folder || !packages) throw new Error("usage: check-onnx-export-web.ts EXPORT FOLDER");
const entry = createRequire(join(resolve(packages), "from-here.js")).resolve("onnxruntime-web");
const web = (await import(pathToFileURL(entry).href)) as typeof native;
web.env.wasm.numThreads = 1;

const manifest = await readExportManifest(folder);
const shape = (dimensions: readonly (number | string)[]): number[] =>
  dimensions.map((size) =>
    typeof size === "number"
      ? size
      : size === "batch_size"
        ? 1
        : size === "past_sequence_length"
          ? 0
          : TOKENS,
  );

async function run(name: string, ort: typeof native, provider: string): Promise<Float32Array> {
  const started = performance.now();
  const session = await ort.InferenceSession.create(readFileSync(join(folder!, manifest.model)), {
    executionProviders: [provider],
    intraOpNumThreads: 1,
    ...(manifest.weights.isExternal && {
      externalData: [{ path: "model.onnx.data", data: readFileSync(join(folder!, "model.onnx.data")) }],
    }),
  });
  const opened = performance.now();
  const feeds = Object.fromEntries(
    manifest.inputs.map((input) => {
      const dims = shape(input.shape);
      const size = dims.reduce((product, length) => product * length, 1);
      const value = (index: number): bigint =>
        input.name === "input_ids" ? BigInt(100 + 37 * index) : input.name === "attention_mask" ? 1n : 0n;
      const tensor =
        input.dtype === "int64"
          ? new ort.Tensor(
              "int64",
              BigInt64Array.from({ length: size }, (_, index) => value(index)),
              dims,
            )
          : new ort.Tensor("float32", new Float32Array(size), dims);
      return [input.name, tensor];
    }),
  );
  await session.run(feeds);
  const warm = performance.now();
  const results = await session.run(feeds);
  const ended = performance.now();
  console.log(
    `${name}: opened in ${(opened - started).toFixed(0)} ms, ${TOKENS} tokens in ${(ended - warm).toFixed(0)} ms`,
  );
  return results[manifest.outputs[0]!.name]!.data as Float32Array;
}

const [received, expected] = [await run("wasm", web, "wasm"), await run("node", native, "cpu")];
const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - received[i]!)), 0);
console.log(`largest difference ${worst.toExponential(1)} of values up to ${largest.toFixed(1)}`);
