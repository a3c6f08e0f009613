/**
 * Greedy answers of llama.cpp on model.f16.gguf, beside Tutti's in answers.json:
 *
 *   TUTTI_NODE_LLAMA_CPP=FOLDER npx tsx examples/fine-tune/check-llama-cpp.ts runs/fine-tune [COUNT]
 *
 * FOLDER is one in which node-llama-cpp was installed; it is no dependency of Tutti.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Answered } from "./evaluate.ts";

const [out = "runs/fine-tune", count] = process.argv.slice(2);
const folder = resolve(process.env.TUTTI_NODE_LLAMA_CPP ?? ".");
const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 2, logLevel: "error" });
const model = await llama.loadModel({ modelPath: join(out, "model.f16.gguf") });
const context = await model.createContext({ contextSize: 1024, threads: 2 });
const sequence = context.getSequence();
const { answers } = JSON.parse(readFileSync(join(out, "answers.json"), "utf8")) as {
  readonly answers: readonly Answered[];
};

const asked = answers.slice(0, count === undefined ? undefined : Number(count));
let equal = 0;
for (const { promptIds, answerIds, answer } of asked) {
  await sequence.clearHistory();
  const ids: number[] = [];
  for await (const id of sequence.evaluate(promptIds, { temperature: 0, yieldEogToken: true })) {
    ids.push(id);
    if (model.isEogToken(id) || ids.length === 96) break;
  }
  if (ids.join() === answerIds.join()) equal++;
  else process.stdout.write(`tutti     ${answer}\nllama.cpp ${model.detokenize(ids)}\n`);
}
process.stdout.write(`${asked.length} orders: ${equal} equal answers token by token\n`);
await llama.dispose();
process.exitCode = equal === asked.length ? 0 : 1;
