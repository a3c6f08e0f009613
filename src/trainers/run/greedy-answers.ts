/** What a model in training says to prompts, with the parameters that it has at the moment. */
import { TextGenerator } from "../../generate/index.ts";
import type { PromptRow } from "../../judged/index.ts";
import type { LoraConfig, Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { LanguageModel } from "./language-model.ts";
import { wholeParameters } from "./whole-parameters.ts";

export interface AnswerSettings {
  /** Of an answer. */
  readonly maxTokens: number;
  /** @default 2 */
  readonly threads?: number;
  /** The one in training, if one is. */
  readonly adapter?: LoraConfig;
  readonly onAnswer?: (done: number, total: number) => void;
}

export interface GreedyAnswer {
  readonly text: string;
  /** The token that ends it included. */
  readonly tokens: number;
  /** Whether it ended because it was as long as it may be. */
  readonly isCut: boolean;
}

/**
 * The most likely token each time, by the model's chat template; prompts are answered together.
 *
 * @throws {TuttiError} INVALID_ARGUMENT naming a prompt that fills the model's context; as `TextGenerator`
 */
export async function greedyAnswers(
  { path, model, tokenizer, template, endTokens }: LanguageModel,
  parameters: Parameters,
  prompts: readonly PromptRow[],
  { maxTokens, threads, adapter, onAnswer }: AnswerSettings,
): Promise<GreedyAnswer[]> {
  const weights = Object.entries(wholeParameters(model.specs, parameters, adapter));
  const generator = await TextGenerator.create(
    {
      ...{ path, model, tokenizer, chatTemplate: template, endTokens },
      weights: { plain: new Map(weights), quantized: new Map() },
      quantizationError: 0,
      weightBytes: weights.reduce((sum, [, { data }]) => sum + data.byteLength, 0),
    },
    { ...(threads !== undefined && { threads }) },
  );
  try {
    const encoded = prompts.map(({ id, messages }) => promptIds(generator, id, messages));
    let done = 0;
    return await Promise.all(
      encoded.map(async (prompt): Promise<GreedyAnswer> => {
        const [answer] = await generator.generate({ prompt, maxTokens, temperature: 0 });
        onAnswer?.(++done, encoded.length);
        const { text, tokens, finishReason } = answer!;
        return { text, tokens: tokens.length, isCut: finishReason === "length" };
      }),
    );
  } finally {
    await generator.dispose();
  }
}

function promptIds(generator: TextGenerator, id: string, messages: PromptRow["messages"]): Int32Array {
  const ids = generator.chatPrompt(messages);
  if (ids.length < generator.contextLength) return ids;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `prompt ${JSON.stringify(id)} has ${ids.length} tokens, the model's context of ${generator.contextLength} has no room for an answer`,
    { details: { id }, hint: "leave it out of the prompts that are answered during training" },
  );
}
