/** SmolLM2-135M-Instruct from its GGUF file. Needs it: npx tsx tools/fetch-models.ts smollm2 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { fixtureJson } from "../support/fixtures.ts";

const FILE = join(
  import.meta.dirname,
  "../../.cache/models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
);
const { smollm2: recorded } =
  fixtureJson<
    Record<"smollm2", { ids: readonly number[]; top: readonly number[]; logits: readonly number[] }>
  >("weights/gguf-real.json");

// The weights are not ours to ship; without them there is nothing to compare.
describe.skipIf(!existsSync(FILE)).each([32, 8, 4] as const)("%i bits", (weightBits) => {
  test("transformers' likeliest tokens; a chat answer, alone and among others", {
    timeout: 180_000,
  }, async () => {
    const model = loadGenerationModel(FILE, { weightBits });
    // The file's own matrices are Q4_1 and Q8_0: 4 bits lose nothing but a little in the output projection.
    expect(model.quantizationError).toBeLessThan(0.006);
    const generator = await TextGenerator.create(model, { contextLength: 512 });
    const [next] = await generator.generate({
      prompt: Int32Array.from(recorded.ids),
      maxTokens: 1,
      topLogProbabilities: 5,
    });
    const top = next!.tokens[0]!.top!;
    expect(top[0]!.id).toBe(recorded.top[0]);
    // Activations are rounded to 8 bits too: llama.cpp does the same.
    const tolerance = weightBits === 32 ? 0.002 : 0.4;
    for (const { id, logProbability } of top) {
      const place = recorded.top.indexOf(id);
      if (place < 0) continue;
      const expected = recorded.logits[place]! - recorded.logits[0]!;
      expect(Math.abs(logProbability - top[0]!.logProbability - expected)).toBeLessThan(tolerance);
    }
    const chat = (question: string) => ({
      // Without the template's system message, under which the first answer begins with a near tie.
      prompt: `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`,
      maxTokens: 24,
    });
    const questions = ["What is the capital of France?", "Count to five.", "Name a colour and an animal."];
    const together = await Promise.all(questions.map((question) => generator.generate(chat(question))));
    expect(together[0]![0]!.text).toBe("The capital of France is Paris.");
    expect(together[0]![0]!.finishReason).toBe("stop");
    for (const [index, question] of questions.entries()) {
      expect((await generator.generate(chat(question)))[0]!.text).toBe(together[index]![0]!.text);
    }
    await generator.dispose();
  });
});
