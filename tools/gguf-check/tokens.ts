/**
 * Token ids that llama.cpp gives, without the tokens that begin and end a text:
 *
 *   npx tsx tools/gguf-check/tokens.ts FOLDER_WITH_NODE_LLAMA_CPP FILE.gguf TEXTS.json IDS.json
 *
 * TEXTS.json is a list of strings; IDS.json becomes a list of lists. Special tokens spelled out are recognised.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder = ".", modelPath, texts = "", output = ""] = process.argv.slice(2);
const entry = createRequire(join(resolve(folder), "index.js")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: "error" });
const model = await llama.loadModel({ modelPath, vocabOnly: true });
const ids = (JSON.parse(readFileSync(texts, "utf8")) as string[]).map((text) => [
  ...model.tokenize(text, true),
]);
writeFileSync(output, JSON.stringify(ids));
process.exit();
