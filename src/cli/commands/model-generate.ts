/** `tutti model generate`: text from a model on this machine. */
import { Command } from "commander";
import {
  type GenerationSettings,
  generateTokens,
  type LocalModel,
  openLocalModel,
  TextStream,
} from "../../generate/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { renderChatTemplate } from "../../text/index.ts";
import { wholeNumber } from "../flags.ts";
import { interruptSignal, printResult, say } from "../io.ts";

interface Flags {
  readonly model: string;
  readonly raw?: boolean;
  readonly system?: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly samples: number;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly threads: number;
}

export function modelGenerateCommand(): Command {
  return new Command("generate")
    .summary("answer a prompt with a model on this machine")
    .argument("<prompt>", "the prompt text")
    .requiredOption("--model <path>", "folder of a Hugging Face checkpoint, or a .gguf file")
    .option("--raw", "go on from the prompt as it is, without the model's chat template")
    .option("--system <text>", "system message of the chat")
    .option("--max-tokens <n>", "longest answer", wholeNumber("--max-tokens", 1), 256)
    .option("--temperature <x>", "0 takes the most likely token", Number, 0.7)
    .option("--top-k <n>", "only the n most likely tokens; 0 keeps all", Number, 0)
    .option("--top-p <x>", "only the most likely tokens up to this probability", Number, 0.95)
    .option("--min-p <x>", "only tokens at least this share as likely as the first", Number, 0)
    .option("--repetition-penalty <x>", "above 1 avoids tokens seen before", Number, 1)
    .option("--samples <n>", "answers to give", wholeNumber("--samples", 1), 1)
    .option("--seed <n>", "equal seeds give equal answers", wholeNumber("--seed", 0), 0)
    .option(
      "--stop <text>",
      "end before this text; repeatable",
      (text: string, all: string[]) => [...all, text],
      [],
    )
    .option("--threads <n>", "processor threads", wholeNumber("--threads", 1), 2)
    .addHelpText("after", '\nExample:\n  tutti model generate --model SmolLM2.gguf "Name three instruments."')
    .action(async (prompt: string, flags: Flags) => {
      await run(prompt, flags);
    });
}

async function run(prompt: string, flags: Flags): Promise<void> {
  const signal = interruptSignal();
  say(`loading ${flags.model}`);
  const local = openLocalModel(flags.model, { threads: flags.threads });
  const ids = promptIds(local, prompt, flags);
  const settings = { ...flags, maxNewTokens: flags.maxTokens, stopTokens: local.stopTokens, signal };
  try {
    await (flags.samples === 1
      ? streamOne(local, ids, settings, flags.stop)
      : printAll(local, ids, settings, flags.stop));
  } finally {
    await local.decoder.dispose();
  }
}

function promptIds({ tokenizer, chatTemplate }: LocalModel, prompt: string, flags: Flags): Int32Array {
  if (flags.raw || chatTemplate === undefined) {
    if (flags.system !== undefined) {
      throw new TuttiError("INVALID_ARGUMENT", "--system needs a chat template, and here there is none", {
        hint: flags.raw ? "leave --raw out" : "the model is a base model: put everything into the prompt",
      });
    }
    return tokenizer.encode(prompt).ids;
  }
  const spelled = (id: number | undefined): string => (id === undefined ? "" : (tokenizer.token(id) ?? ""));
  const { bos, eos } = tokenizer.specialTokens;
  const messages = [
    ...(flags.system === undefined ? [] : [{ role: "system", content: flags.system }]),
    { role: "user", content: prompt },
  ];
  const text = renderChatTemplate(chatTemplate, messages, {
    addGenerationPrompt: true,
    bosToken: spelled(bos),
    eosToken: spelled(eos),
  });
  return tokenizer.encode(text, { addSpecialTokens: false }).ids;
}

async function streamOne(
  local: LocalModel,
  ids: Int32Array,
  settings: GenerationSettings,
  stop: readonly string[],
): Promise<void> {
  const stream = new TextStream(local.tokenizer, stop);
  const startedMs = performance.now();
  let tokens = 0;
  for await (const event of generateTokens(local.decoder, ids, settings)) {
    if (event.kind === "end") break;
    tokens++;
    process.stdout.write(stream.push(event.token));
    if (stream.isStopped) break;
  }
  printResult(`${stream.finish()}\n`);
  const seconds = (performance.now() - startedMs) / 1000;
  say(`${ids.length} prompt tokens, ${tokens} new ones in ${seconds.toFixed(1)} s`);
}

async function printAll(
  local: LocalModel,
  ids: Int32Array,
  settings: GenerationSettings,
  stop: readonly string[],
): Promise<void> {
  const texts = Array.from({ length: settings.samples ?? 1 }, () => "");
  const streams = texts.map(() => new TextStream(local.tokenizer, stop));
  for await (const event of generateTokens(local.decoder, ids, settings)) {
    const stream = streams[event.sample]!;
    texts[event.sample] += event.kind === "end" ? stream.finish() : stream.push(event.token);
  }
  for (const [index, text] of texts.entries()) printResult(`--- ${index + 1}\n${text}\n`);
}
