/** Options that `model generate` and `model chat` share, and opening the model with progress. */
import type { Command } from "commander";
import {
  type GenerationRequest,
  loadGenerationModel,
  SAMPLING_DEFAULTS,
  TextGenerator,
} from "../generate/index.ts";
import { TuttiError } from "../support/errors.ts";
import { wholeNumber } from "./flags.ts";
import { say } from "./io.ts";
import { createProgress } from "./progress.ts";
import { type ProviderFlags, providerOption } from "./provider-option.ts";

export interface GenerationFlags extends ProviderFlags {
  readonly maxTokens?: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly bits: number;
  readonly context?: number;
  readonly threads: number;
}

function aNumber(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} is "${text}", expected a number`);
    }
    return value;
  };
}

export function addGenerationOptions(command: Command): Command {
  const { temperature, topK, topP, minP, seed, ...penalties } = SAMPLING_DEFAULTS;
  return command
    .option("--max-tokens <n>", "tokens of an answer at most", wholeNumber("--max-tokens", 1))
    .option("--temperature <t>", "0 takes the most likely token", aNumber("--temperature"), temperature)
    .option("--top-k <k>", "draw from the k most likely tokens; 0 from all", wholeNumber("--top-k", 0), topK)
    .option("--top-p <p>", "draw from tokens with this probability together", aNumber("--top-p"), topP)
    .option("--min-p <p>", "draw from tokens this likely beside the best one", aNumber("--min-p"), minP)
    .option(
      "--repetition-penalty <x>",
      "above 1 avoids tokens of prompt and answer",
      aNumber("--repetition-penalty"),
      penalties.repetitionPenalty,
    )
    .option(
      "--presence-penalty <x>",
      "subtracted from tokens of the answer",
      aNumber("--presence-penalty"),
      penalties.presencePenalty,
    )
    .option(
      "--frequency-penalty <x>",
      "subtracted for every time a token is in the answer",
      aNumber("--frequency-penalty"),
      penalties.frequencyPenalty,
    )
    .option("--seed <n>", "the same seed gives the same answer", wholeNumber("--seed", 0), seed)
    .option(
      "--stop <text>",
      "text that ends an answer; may be given again",
      (text: string, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .option("--bits <n>", "weights in 32, 8 or 4 bits", wholeNumber("--bits", 4), 32)
    .option("--context <n>", "tokens that prompt and answer may have", wholeNumber("--context", 2))
    .option("--threads <n>", "compute threads", wholeNumber("--threads", 1), 2)
    .addOption(providerOption());
}

/** The parts of a request that the flags name. */
export function requestOf(flags: GenerationFlags): Omit<GenerationRequest, "prompt"> {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed } = flags;
  return {
    ...{ temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed },
    stopStrings: flags.stop,
    ...(flags.maxTokens !== undefined && { maxTokens: flags.maxTokens }),
  };
}

/** Loads and compiles the model, telling of it on stderr. */
export async function openGenerator(path: string, flags: GenerationFlags): Promise<TextGenerator> {
  const { bits } = flags;
  if (bits !== 4 && bits !== 8 && bits !== 32) {
    throw new TuttiError("INVALID_ARGUMENT", `--bits is ${bits}, expected 32, 8 or 4`);
  }
  let progress: ReturnType<typeof createProgress> | undefined;
  const model = loadGenerationModel(path, {
    weightBits: bits,
    onProgress: (done, total) => {
      progress ??= createProgress(process.stderr, { label: "loading", total, unit: "tensors" });
      if (done < total) progress.update(done);
      else progress.finish();
    },
  });
  const generator = await TextGenerator.create(model, {
    threads: flags.threads,
    provider: flags.provider,
    ...(flags.context !== undefined && { contextLength: flags.context }),
  });
  const error =
    model.quantizationError === 0
      ? ""
      : `, error ${(100 * model.quantizationError).toFixed(2)}% of the weights`;
  say(
    `${model.model.modelType}, ${(model.weightBytes / 1e6).toFixed(0)} MB of weights${error}, context ${generator.contextLength} tokens`,
  );
  return generator;
}
