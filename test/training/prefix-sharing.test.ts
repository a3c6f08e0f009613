/** Responses that share their prompt, and groups that share a row, against one sequence at a time, in every decoder family. */
import { expect, test } from "vitest";
import { CAUSAL_MODEL_TYPES, createCausalModel, type HuggingFaceConfig } from "../../src/models/index.ts";
import { initialiseLora, initialiseParameters, type LoraConfig } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import {
  createPreferenceTask,
  directPreference,
  type GroupTaskOptions,
  type PreferenceGroup,
} from "../../src/trainers/index.ts";
import { firstStep } from "../support/first-step.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";

const FAMILIES: Readonly<Record<string, string>> = {
  gemma2: "gemma2",
  gemma3_text: "gemma3",
  gpt2: "gpt2",
  llama: "llama-biases",
  mistral: "mistral",
  qwen2: "qwen2",
  qwen3: "qwen3",
};
const backend = createOrtBackend({ threads: 1 });
const objective = directPreference({ loss: "sigmoid", beta: 2, isLengthNormalised: true });
const ADAPTER: LoraConfig = { name: "own", rank: 2, alpha: 4, dropout: 0.5, targets: "all-linear" };

function randomGroups(vocabulary: number, longest: number): PreferenceGroup[] {
  const random = new RandomStream({ seed: 9, stream: 1 });
  const words = (most: number) =>
    Int32Array.from({ length: 1 + random.nextInteger(most) }, () => random.nextInteger(vocabulary));
  const most = Math.floor(longest / 2);
  return Array.from({ length: 5 }, (_, index) => ({
    id: `${index}`,
    promptIds: words(most),
    responses: [words(most), words(most)],
  }));
}

async function stepOf(config: HuggingFaceConfig, options: Partial<GroupTaskOptions>) {
  const model = createCausalModel(config);
  const base = initialiseParameters(model.specs, 2);
  const own = options.adapter ? initialiseLora(base, model.specs, options.adapter, 3) : {};
  // A fresh adapter's B is zero, and so would be half of the gradients.
  for (const [name, { data }] of Object.entries(own))
    if (name.includes("lora_B")) data.set(data.map((_, index) => 0.1 * Math.sin(index)));
  const groups = randomGroups(model.config.vocabularySize, Math.min(model.config.maxPositions, 24));
  const task = createPreferenceTask(model, groups, objective, (group) => [-2 - group, -3], {
    seed: 1,
    epochs: 1,
    paddingId: 0,
    batching: { groupsPerStep: 5, tokensPerRow: 64, rowsPerBatch: 8 },
    ...options,
  });
  return await firstStep(task, { ...base, ...own }, backend);
}

test("every family has a case", () => {
  expect(Object.keys(FAMILIES).sort()).toEqual([...CAUSAL_MODEL_TYPES].sort());
});

test.each(Object.keys(FAMILIES))("%s, all weights and an adapter", async (family) => {
  const { config } = fixtureJson<{ config: HuggingFaceConfig }>(`decoders/${FAMILIES[family]}.json`);
  expect(config.model_type).toBe(family);
  for (const adapter of [{}, { adapter: ADAPTER }]) {
    const batching = { groupsPerStep: 5, tokensPerRow: 64, rowsPerBatch: 1 };
    const separate = await stepOf(config, { ...adapter, sharesPrompt: false, batching });
    const packed = { groupsPerStep: 5, tokensPerRow: 128, rowsPerBatch: 4 };
    const shared = await stepOf(config, { ...adapter, batching: packed });
    expect(separate.loss).toBeGreaterThan(0.1);
    expectAllClose([shared.loss], [separate.loss], { absolute: 3e-6, relative: 3e-6 }, "loss");
    for (const [name, gradient] of Object.entries(separate.gradients)) {
      const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const tolerance = { absolute: 1e-6 + 2e-5 * largest, relative: 1e-4 };
      expectAllClose(shared.gradients[name]!, gradient, tolerance, name);
    }
  }
});
