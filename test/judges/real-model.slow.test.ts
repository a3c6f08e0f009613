/** A real small language model as judge: SmolLM2-135M-Instruct behind a real HTTP server. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { BUILT_IN_RUBRICS, createPairwiseJudge, createPointwiseJudge } from "../../src/judges/index.ts";
import { type ChatBody, scriptedModel } from "../support/chat-server.ts";
import { ROOT } from "../support/command.ts";
import { promptRow, responseRow } from "../support/store-rows.ts";

const MODEL = join(ROOT, ".cache/models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf");

describe.skipIf(!existsSync(MODEL))("SmolLM2-135M-Instruct (run tools/fetch-models.ts to fetch it)", () => {
  let generator: TextGenerator;
  beforeAll(async () => {
    generator = await TextGenerator.create(loadGenerationModel(MODEL), { threads: 1, contextLength: 1024 });
  }, 120_000);
  afterAll(() => generator?.dispose());

  const answer = async (body: ChatBody) => {
    const prompt = generator.chatPrompt(body.messages.map(({ role, content }) => ({ role, content })));
    const wanted = Number(body.top_logprobs ?? 0);
    const [result] = await generator.generate({
      prompt,
      maxTokens: Math.min(96, Number(body.max_tokens)),
      temperature: 0,
      ...(wanted > 0 && { topLogProbabilities: wanted }),
    });
    const spell = (id: number): string => generator.model.tokenizer.decode([id]);
    const content = result!.tokens.map(({ id, logProbability, top }) => ({
      token: spell(id),
      logprob: logProbability,
      top_logprobs: (top ?? []).map((each) => ({ token: spell(each.id), logprob: each.logProbability })),
    }));
    return { text: result!.text, logprobs: body.logprobs === true ? { content } : null };
  };

  const prompt = promptRow(1, { messages: [{ role: "user", content: "What is the capital of France?" }] });
  const right = responseRow(prompt, { model: "a", text: "The capital of France is Paris." });
  const wrong = responseRow(prompt, { model: "b", text: "Bananas are yellow, and I like them." });

  it("gives a preference by log-probabilities, the same whichever answer is called the first", async () => {
    const { model } = await scriptedModel(answer, "smollm2");
    const judge = createPairwiseJudge({ ...model }, BUILT_IN_RUBRICS.preference!);
    const forward = await judge.compare(prompt, right, wrong);
    const backward = await judge.compare(prompt, wrong, right);
    expect(forward.score).toBeGreaterThan(0);
    expect(forward.score).toBeLessThan(1);
    expect(backward.score).toBeCloseTo(1 - forward.score!, 4);
    const [game] = forward.explanation.games as { labelMass: number }[];
    expect(game!.labelMass).toBeGreaterThan(0);
  }, 120_000);

  it("grades in text, or says why there is no grade", async () => {
    const { model } = await scriptedModel(answer, "smollm2");
    const verdict = await createPointwiseJudge(model, BUILT_IN_RUBRICS.rating!).judge(prompt, right);
    const replies = verdict.explanation.replies as string[];
    expect(replies[0]!.length).toBeGreaterThan(0);
    if (verdict.score === null) expect(verdict.explanation.problem).toMatch(/grade|verdict/);
    else expect(verdict.score).toBeGreaterThanOrEqual(1);
  }, 180_000);
});
