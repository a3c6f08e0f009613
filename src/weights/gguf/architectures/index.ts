import { didYouMean } from "../../../support/did-you-mean.ts";
import { TuttiError } from "../../../support/errors.ts";
import { shown } from "../../../support/show.ts";
import type { Architecture } from "../architecture.ts";
import { bert } from "./bert.ts";
import { gemma, gemma2, gemma3 } from "./gemma.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { qwen2, qwen3 } from "./qwen.ts";

export const ARCHITECTURES: readonly Architecture[] = [
  llama,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  gemma3,
  gpt2,
  bert,
];

function missing(where: string, key: string, received: unknown, known: readonly string[]): TuttiError {
  const hint = typeof received === "string" ? didYouMean(received, known) : "";
  return new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${where}: "${key}" is ${shown(received)}, expected one of ${known.join(", ")}`,
    { details: { key, received }, ...(hint ? { hint } : {}) },
  );
}

export function architectureByName(path: string, name: string | undefined): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.name === name);
  if (found) return found;
  const known = ARCHITECTURES.map((architecture) => architecture.name);
  throw missing(path, "general.architecture", name, known);
}

export function architectureByModelType(modelType: unknown): Architecture {
  const found = ARCHITECTURES.find(({ modelTypes }) => modelTypes.some((type) => type === modelType));
  if (found) return found;
  const known = ARCHITECTURES.flatMap(({ modelTypes }) => modelTypes);
  throw missing("config.json", "model_type", modelType, known);
}
