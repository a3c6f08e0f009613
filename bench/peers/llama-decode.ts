/**
 * llama.cpp's side of the decode benchmark, through node-llama-cpp, which is no dependency of Tutti: install it anywhere
 * (`npm install node-llama-cpp`) and name that folder in TUTTI_NODE_LLAMA_CPP.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  answerDecodeRounds,
  CONTEXT_LENGTH,
  type DecodeMode,
  missing,
  modelPath,
  PROMPT_TOKENS,
  STREAMS,
} from "../decode-work.ts";

/** The parts of node-llama-cpp that are used. */
interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncGenerator<number>;
}
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): Sequence }>;
    }>;
  }>;
}

async function load(): Promise<NodeLlamaCpp> {
  const folder = process.env.TUTTI_NODE_LLAMA_CPP ?? process.cwd();
  try {
    const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
    return (await import(pathToFileURL(entry).href)) as NodeLlamaCpp;
  } catch {
    return missing(
      `node-llama-cpp is not installed in ${folder}: npm install it in some folder and set TUTTI_NODE_LLAMA_CPP to that`,
    );
  }
}

const [mode, , threads = "2"] = process.argv.slice(2) as [DecodeMode, string, string?];
const path = modelPath();
const { getLlama } = await load();
const llama = await getLlama({ gpu: false, build: "never", maxThreads: Number(threads), logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const streams = mode === "parallel" ? STREAMS : 1;
const context = await model.createContext({
  contextSize: CONTEXT_LENGTH,
  sequences: streams,
  threads: Number(threads),
  batchSize: PROMPT_TOKENS,
});
const sequences = Array.from({ length: streams }, () => context.getSequence());

await answerDecodeRounds(mode, async (prompts, maxTokens, onToken) => {
  for (const sequence of sequences) await sequence.clearHistory();
  await Promise.all(
    prompts.map(async (prompt, index) => {
      let made = 0;
      for await (const _ of sequences[index]!.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        onToken();
        if (++made === maxTokens) break;
      }
      if (made < maxTokens) throw new Error(`a stream ended after ${made} tokens`);
    }),
  );
});
