/** Tutti's side of the decode benchmark. */
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { answerDecodeRounds, CONTEXT_LENGTH, type DecodeMode, modelPath, STREAMS } from "../decode-work.ts";

const [mode, , threads = "2"] = process.argv.slice(2) as [DecodeMode, string, string?];
const generator = await TextGenerator.create(loadGenerationModel(modelPath(), { weightBits: 4 }), {
  threads: Number(threads),
  contextLength: CONTEXT_LENGTH,
  maxBatch: STREAMS,
});

await answerDecodeRounds(mode, async (prompts, maxTokens, onToken) => {
  const request = (prompt: readonly number[]) => ({
    prompt: Int32Array.from(prompt),
    maxTokens,
    ignoresEndTokens: true,
  });
  await Promise.all(prompts.map((prompt) => generator.generate(request(prompt), onToken)));
});
