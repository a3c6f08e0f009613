/** The real models of the experiment: opened, asked, and given adapters. */
import { join } from "node:path";
import { type GenerationModel, loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import type { CausalModel } from "../../src/models/index.ts";
import { initialiseLora, type LoraConfig, mergeLora, type Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import { float32 } from "../../src/tensor/index.ts";
import {
  conversationExamples,
  createCausalLanguageModelTask,
  type FineTuningTask,
  parameterGroups,
  train,
} from "../../src/train/index.ts";
import {
  computeReference,
  createPreferenceTask,
  encodeAnswers,
  type PreferenceObjective,
} from "../../src/trainers/index.ts";
import type { Question } from "./tasks.ts";

/** A chat model whose weights are float32 arrays that may be trained. */
export interface ChatModel {
  readonly opened: GenerationModel & { readonly model: CausalModel; readonly chatTemplate: string };
  readonly parameters: Parameters;
}

export function openChatModel(path: string): ChatModel {
  const opened = loadGenerationModel(path) as ChatModel["opened"];
  return { opened, parameters: Object.fromEntries(opened.weights.plain) };
}

const ADAPTER: LoraConfig = { name: "fusion", rank: 16, alpha: 32, targets: "all-linear" };
const INSTRUCTION = "Give only the answer.";
const MOST_PROMPT_AND_ANSWER_TOKENS = 192;
const ROW_TOKENS = 256;

export const conversationOf = ({ text }: Pick<Question, "text">) => [
  { role: "system" as const, content: INSTRUCTION },
  { role: "user" as const, content: text },
];

export interface Asking {
  readonly temperature: number;
  readonly samples: number;
  readonly seed: number;
}

const MOST_ANSWER_TOKENS = 48;

/** Answers of a chat model with these parameters; `onAnswer` after every question. */
export async function askChat(
  { opened, parameters }: ChatModel,
  questions: readonly Question[],
  asking: Asking,
  onAnswer: () => void,
): Promise<string[][]> {
  const model = { ...opened, weights: { plain: new Map(Object.entries(parameters)), quantized: new Map() } };
  return answers(model, questions, asking, onAnswer, (generator, question) => ({
    prompt: generator.chatPrompt(conversationOf(question)),
  }));
}

/** Answers of a model that only continues texts, behind solved examples. */
export async function askByExample(
  path: string,
  shown: readonly Question[],
  questions: readonly Question[],
  asking: Asking,
  onAnswer: () => void,
): Promise<string[][]> {
  const solved = shown.map(({ text, solution }) => `Question: ${text}\nAnswer: ${solution}\n`).join("");
  return answers(loadGenerationModel(path), questions, asking, onAnswer, (_, { text }) => ({
    prompt: `${solved}Question: ${text}\nAnswer:`,
    stopStrings: ["\n"],
  }));
}

async function answers(
  model: GenerationModel,
  questions: readonly Question[],
  { temperature, samples, seed }: Asking,
  onAnswer: () => void,
  request: (
    generator: TextGenerator,
    question: Question,
  ) => { prompt: string | Int32Array; stopStrings?: string[] },
): Promise<string[][]> {
  const generator = await TextGenerator.create(model, { threads: 1, contextLength: 512, maxBatch: 64 });
  try {
    return await Promise.all(
      questions.map(async (question, index) => {
        const given = await generator.generate({
          ...request(generator, question),
          maxTokens: MOST_ANSWER_TOKENS,
          samples,
          temperature,
          seed: (seed * 10_007 + index) % 2 ** 32,
        });
        onAnswer();
        return given.map(({ text }) => text.trim());
      }),
    );
  } finally {
    await generator.dispose();
  }
}

export interface Stage {
  readonly folder: string;
  readonly seed: number;
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly backend: Backend;
  readonly onStep: (step: number, loss: number) => void;
}

/** The model with a trained adapter merged into copies of its weights. */
async function adapted(base: ChatModel, task: FineTuningTask, stage: Stage): Promise<ChatModel> {
  const { folder, seed, steps, learningRate, backend, onStep } = stage;
  const { specs } = base.opened.model;
  const parameters = { ...base.parameters, ...initialiseLora(base.parameters, specs, ADAPTER, seed) };
  await train(
    task,
    parameters,
    {
      seed,
      totalSteps: steps,
      groups: parameterGroups(task, { learningRate, weightDecay: 0 }),
      schedule: { kind: "cosine", warmupSteps: Math.ceil(steps / 10), totalSteps: steps },
      maxGradientNorm: 1,
      checkpointEverySteps: 4,
      fingerprint: JSON.stringify({ ADAPTER, steps, seed, learningRate }),
      outputFolder: folder,
    },
    { backend, onStep: ({ step, loss }) => onStep(step + 1, loss) },
  );
  const merged = Object.fromEntries(
    Object.entries(base.parameters).map(([name, { shape, data }]) => [name, float32(shape, data.slice())]),
  );
  mergeLora(merged, specs, parameters, ADAPTER);
  return { ...base, parameters: merged };
}

export interface Solved {
  readonly id: string;
  readonly question: Pick<Question, "text">;
  readonly answer: string;
}

const spelling = ({ opened: { tokenizer } }: ChatModel) => {
  const { bos, eos } = tokenizer.specialTokens;
  const text = (id: number | undefined): string => (id === undefined ? "" : (tokenizer.token(id) ?? ""));
  return { bosToken: text(bos), eosToken: text(eos) };
};

export async function imitate(base: ChatModel, solved: readonly Solved[], stage: Stage): Promise<ChatModel> {
  const { tokenizer, chatTemplate: template, model } = base.opened;
  const examples = conversationExamples(
    tokenizer,
    solved.map(({ id, question, answer }) => ({
      id,
      messages: [...conversationOf(question), { role: "assistant", content: answer }],
    })),
    { template, maxTokens: MOST_PROMPT_AND_ANSWER_TOKENS, ...spelling(base) },
  );
  // Rows hold a few conversations each; as many rows as hold about a batch of them.
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0) / examples.length;
  const rowsPerBatch = Math.max(1, Math.round((stage.batch * tokens) / ROW_TOKENS));
  const task = createCausalLanguageModelTask(model, examples, {
    seed: stage.seed,
    epochs: 1,
    accumulation: 1,
    paddingId: 0,
    batching: { kind: "packed", tokensPerRow: ROW_TOKENS, rowsPerBatch },
    adapter: ADAPTER,
  });
  return adapted(base, task, stage);
}

export interface Preferred {
  readonly id: string;
  readonly question: Pick<Question, "text">;
  readonly chosen: string;
  readonly rejected: string;
}

export async function prefer(
  base: ChatModel,
  pairs: readonly Preferred[],
  objective: PreferenceObjective,
  stage: Stage,
): Promise<ChatModel> {
  const { tokenizer, chatTemplate: template, model } = base.opened;
  const { groups } = encodeAnswers(
    tokenizer,
    pairs.map(({ id, question, chosen, rejected }) => ({
      id,
      messages: conversationOf(question),
      answers: [chosen, rejected],
    })),
    { template, maxTokens: MOST_PROMPT_AND_ANSWER_TOKENS, ...spelling(base) },
  );
  const sizes = { tokensPerRow: ROW_TOKENS, rowsPerBatch: 4 };
  const reference = await computeReference(model, base.parameters, groups, stage.backend, {
    ...sizes,
    folder: join(stage.folder, "reference"),
    paddingId: 0,
  });
  try {
    const task = createPreferenceTask(model, groups, objective, (group) => reference.row(group), {
      seed: stage.seed,
      epochs: 1,
      paddingId: 0,
      batching: { ...sizes, groupsPerStep: stage.batch },
      adapter: ADAPTER,
    });
    return await adapted(base, task, stage);
  } finally {
    reference.close();
  }
}
