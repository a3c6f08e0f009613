/**
 * Teaches SmolLM2-135M-Instruct to turn written orders into JSON, with LoRA, on a CPU:
 *
 *   npx tsx tools/fetch-models.ts smollm2
 *   npx tsx examples/fine-tune/fine-tune.ts --out runs/fine-tune [--model FILE.gguf] [--threads 2] [--orders 640]
 *
 * Asks before and after, on customers, products and phrasings that training never shows. Writes under --out: adapter/
 * (peft), model/ (a folder for transformers), model.f16.gguf (for llama.cpp), answers.json and results.json.
 * Stopped or killed, the same command goes on.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../../src/cli/progress.ts";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { adoptCausalParameters, createCausalModel, savePeftAdapter } from "../../src/models/index.ts";
import {
  initialiseLora,
  type LoraConfig,
  loraSpecs,
  mergeLora,
  type Parameters,
} from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { float32 } from "../../src/tensor/index.ts";
import { readGgufTokenizer, tokenizerFromGguf } from "../../src/text/index.ts";
import {
  conversationExamples,
  createCausalLanguageModelTask,
  parameterGroups,
  train,
} from "../../src/train/index.ts";
import { openGgufModel, writeGgufModel, writeSafetensors } from "../../src/weights/index.ts";
import { kept } from "../kept.ts";
import { type Answered, answerOrders, conversationOf, type Score, scoreAnswers } from "./evaluate.ts";
import { INSTRUCTION, type OrderSet, writtenOrders } from "./orders.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/fine-tune" },
    model: {
      type: "string",
      default: ".cache/models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    threads: { type: "string", default: "2" },
    orders: { type: "string", default: "640" },
    questions: { type: "string", default: "50" },
  },
});
const out = values.out;
const threads = Number(values.threads);
mkdirSync(out, { recursive: true });

const TESTS: readonly OrderSet[] = ["held-out values", "held-out values and phrasings"];
const ADAPTER: LoraConfig = { name: "orders", rank: 16, alpha: 32, targets: "all-linear" };
const LEARNING_RATE = 1e-3;

interface Asked {
  readonly seconds: number;
  readonly scores: Readonly<Record<string, Score>>;
  readonly instruction: string;
  readonly answers: readonly Answered[];
}

async function ask(label: string, path: string, shots: readonly number[]): Promise<Asked> {
  const startedAt = performance.now();
  const generator = await TextGenerator.create(loadGenerationModel(path), { threads, contextLength: 1024 });
  const count = Number(values.questions);
  const total = TESTS.length * shots.length * count;
  const progress = createProgress(process.stderr, { label, total, unit: "answers" });
  const scores: Record<string, Score> = {};
  const answers: Answered[] = [];
  let done = 0;
  for (const set of TESTS) {
    const orders = writtenOrders(set, count);
    for (const shown of shots) {
      const examples = writtenOrders("training", shown);
      const given = await answerOrders(generator, orders, examples, () => progress.update(++done));
      scores[`${set}, ${shown} examples shown`] = scoreAnswers(orders, given);
      answers.push(...given);
    }
  }
  progress.finish();
  await generator.dispose();
  return { seconds: (performance.now() - startedAt) / 1000, scores, instruction: INSTRUCTION, answers };
}

/** Trains the adapter, or goes on training it, and writes the model in three forms. */
async function fineTune(): Promise<{ seconds: number; steps: number; tokens: number; loss: number }> {
  const startedAt = performance.now();
  const source = openGgufModel(values.model);
  const model = createCausalModel(source.config);
  const stored = Object.fromEntries(
    [...source.entries].map(([name, { shape }]) => [name, float32(shape, source.read(name).data)]),
  );
  const base = adoptCausalParameters(model, stored, values.model);
  const tokenizer = tokenizerFromGguf(values.model, source.metadata);
  const { tokenizerJson, tokenizerConfig } = readGgufTokenizer(values.model, source.metadata);
  const examples = conversationExamples(
    tokenizer,
    writtenOrders("training", Number(values.orders)).map((order) => ({
      id: order.id,
      messages: [...conversationOf(order), { role: "assistant", content: JSON.stringify(order.order) }],
    })),
    { template: tokenizerConfig.chat_template as string, maxTokens: 512 },
  );
  const task = createCausalLanguageModelTask(model, examples, {
    seed: 1,
    epochs: 1,
    batching: { kind: "packed", tokensPerRow: 512, rowsPerBatch: 2 },
    accumulation: 1,
    paddingId: 0,
    adapter: ADAPTER,
  });
  const parameters: Parameters = { ...base, ...initialiseLora(base, model.specs, ADAPTER, 1) };
  const progress = createProgress(process.stderr, {
    label: "training",
    total: task.totalSteps,
    unit: "steps",
  });
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  let loss = 0;
  const trained = await train(
    task,
    parameters,
    {
      seed: 1,
      totalSteps: task.totalSteps,
      groups: parameterGroups(task, { learningRate: LEARNING_RATE, weightDecay: 0 }),
      schedule: { kind: "cosine", warmupSteps: 5, totalSteps: task.totalSteps },
      maxGradientNorm: 1,
      checkpointEverySteps: 10,
      fingerprint: JSON.stringify({ ADAPTER, LEARNING_RATE, orders: values.orders }),
      outputFolder: join(out, "training"),
    },
    {
      backend: createOrtBackend({ threads }),
      signal: interrupted.signal,
      onStep: (metrics) => {
        ({ loss } = metrics);
        progress.update(metrics.step + 1, `loss ${loss.toFixed(4)}`);
      },
    },
  );
  progress.finish(`loss ${loss.toFixed(4)}`);

  const adapter = Object.fromEntries(
    Object.keys(loraSpecs(model.specs, ADAPTER)).map((name) => [name, trained.parameters[name]!]),
  );
  savePeftAdapter(join(out, "adapter"), model.specs, adapter, ADAPTER);
  mergeLora(base, model.specs, adapter, ADAPTER);
  const tensors = Object.keys(model.specs).map((name) => {
    const { shape, data } = base[name]!;
    return { name, dtype: "F32" as const, shape, data };
  });
  const folder = join(out, "model");
  writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  writeFileAtomic(join(folder, "tokenizer.json"), json(tokenizerJson));
  writeFileAtomic(
    join(folder, "tokenizer_config.json"),
    json({ tokenizer_class: "PreTrainedTokenizerFast", ...tokenizerConfig }),
  );
  writeFileAtomic(join(folder, "config.json"), json(source.config));
  writeGgufModel(join(out, "model.f16.gguf"), {
    config: source.config,
    weights: {
      entries: new Map(tensors.map(({ name, shape }) => [name, { name, shape, type: "F32" }])),
      read: (name) => ({ name, shape: base[name]!.shape, data: base[name]!.data }),
    },
    type: "F16",
    metadata: source.metadata,
  });
  source.close();
  return {
    seconds: (performance.now() - startedAt) / 1000,
    steps: task.totalSteps,
    tokens: examples.reduce((sum, { ids }) => sum + ids.length, 0),
    loss,
  };
}

const shareOf = ({ exact, orders }: Score): string => `${((100 * exact) / orders).toFixed(0)}%`;

const before = await kept(join(out, "before.json"), () => ask("asking before", values.model, [0, 3]));
const training = await kept(join(out, "training.json"), fineTune);
const after = await kept(join(out, "answers.json"), () => ask("asking after", join(out, "model"), [0]));
const scores = { before: before.scores, after: after.scores };
const seconds = { before: before.seconds, training: training.seconds, after: after.seconds };
const { cpus } = await import("node:os");
const machine = { cpu: cpus()[0]?.model, threads, node: process.version };
const result = { machine, training, seconds, scores };
writeFileAtomic(join(out, "results.json"), `${JSON.stringify(result, null, 2)}\n`);
const lines = Object.entries(scores).flatMap(([when, sets]) =>
  Object.entries(sets).map(
    ([set, score]) =>
      `${when.padEnd(7)} ${set.padEnd(49)} ${shareOf(score).padStart(4)} exact, ${(100 * score.fields).toFixed(0)}% of fields`,
  ),
);
const minutes = (seconds.before + seconds.training + seconds.after) / 60;
process.stdout.write(`${lines.join("\n")}\n${minutes.toFixed(1)} minutes in all\n`);
