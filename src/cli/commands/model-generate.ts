/** `tutti model generate`: text from a local model, streamed as it is made. */
import { text as readAll } from "node:stream/consumers";
import { Command } from "commander";
import type { GeneratedAnswer, GenerationRequest, TextGenerator } from "../../generate/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { wholeNumber } from "../flags.ts";
import {
  addGenerationOptions,
  type GenerationFlags,
  openGenerator,
  requestOf,
} from "../generation-options.ts";
import { interruptSignal, printPart, printResult, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";

interface Flags extends GenerationFlags {
  readonly chat?: boolean;
  readonly system?: string;
  readonly samples: number;
  readonly logprobs?: number;
  readonly json?: boolean;
}

export function modelGenerateCommand(): Command {
  const command = new Command("generate")
    .summary("continue a text, or answer a message with --chat")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[prompt]", "the text; read from standard input when absent or -")
    .option("--chat", "lay the prompt out as a message, by the model's chat template")
    .option("--system <text>", "system message; implies --chat")
    .option("--samples <n>", "answers to the prompt", wholeNumber("--samples", 1), 1)
    .option(
      "--logprobs <n>",
      "with --json: log-probabilities of chosen and n likeliest tokens",
      wholeNumber("--logprobs", 0),
    )
    .option("--json", "machine-readable, when all is done");
  return addGenerationOptions(command)
    .addHelpText(
      "after",
      '\nExample:\n  tutti model generate model.gguf --chat --bits 4 --max-tokens 100 "Name three instruments."',
    )
    .action(async (model: string, prompt: string | undefined, flags: Flags) => {
      await run(model, prompt, flags);
    });
}

async function promptOf(prompt: string | undefined): Promise<string> {
  const text = prompt === undefined || prompt === "-" ? await readAll(process.stdin) : prompt;
  if (text.trim() === "") throw new TuttiError("INVALID_ARGUMENT", "the prompt is empty");
  return text;
}

async function run(path: string, prompt: string | undefined, flags: Flags): Promise<void> {
  const text = await promptOf(prompt);
  const generator = await openGenerator(await modelPath(path), flags);
  try {
    const isChat = flags.chat || flags.system !== undefined;
    const messages = [
      ...(flags.system === undefined ? [] : [{ role: "system", content: flags.system }]),
      { role: "user", content: text },
    ];
    const signal = interruptSignal();
    const answers = await generate(generator, flags, {
      ...requestOf(flags),
      prompt: isChat ? generator.chatPrompt(messages) : text,
      samples: flags.samples,
      ...(flags.logprobs !== undefined && { topLogProbabilities: flags.logprobs }),
      signal,
    });
    if (signal.aborted) throw new TuttiError("INTERRUPTED", "stopped before the answer was complete");
    if (flags.json) printResult(JSON.stringify(answers, null, 2));
  } finally {
    await generator.dispose();
  }
}

async function generate(
  generator: TextGenerator,
  flags: Flags,
  request: GenerationRequest,
): Promise<GeneratedAnswer[]> {
  const startedAt = performance.now();
  let firstAt: number | undefined;
  const answers = await generator.generate(request, ({ text }) => {
    firstAt ??= performance.now();
    if (!flags.json && flags.samples === 1) printPart(text);
  });
  if (!flags.json && flags.samples === 1) printPart("\n");
  if (!flags.json && flags.samples > 1) {
    for (const [index, { text }] of answers.entries()) printResult(`[${index + 1}] ${text}`);
  }
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens.length, 0);
  const first = (firstAt ?? performance.now()) - startedAt;
  const rest = performance.now() - startedAt - first;
  const rate = tokens > answers.length ? ((tokens - answers.length) / rest) * 1000 : 0;
  const reasons = [...new Set(answers.map(({ finishReason }) => finishReason))].join(", ");
  say(`${tokens} tokens (${reasons}), first after ${first.toFixed(0)} ms, then ${rate.toFixed(1)} tokens/s`);
  return answers;
}
