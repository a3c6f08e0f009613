/** `tutti model chat`: a conversation with a local model. */
import { createInterface } from "node:readline";
import { Command } from "commander";
import type { TextGenerator } from "../../generate/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { TemplateMessage } from "../../text/index.ts";
import {
  addGenerationOptions,
  type GenerationFlags,
  openGenerator,
  requestOf,
} from "../generation-options.ts";
import { printPart, say } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";

interface Flags extends GenerationFlags {
  readonly system?: string;
}

export function modelChatCommand(): Command {
  const command = new Command("chat")
    .summary("talk with a model; one message a line, /reset starts anew, /exit ends")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--system <text>", "system message");
  return addGenerationOptions(command)
    .addHelpText("after", "\nCtrl-C ends an answer, and between answers the chat.")
    .action(async (model: string, flags: Flags) => {
      const generator = await openGenerator(await modelPath(model), flags);
      try {
        await chat(generator, flags);
      } finally {
        await generator.dispose();
      }
    });
}

async function chat(generator: TextGenerator, flags: Flags): Promise<void> {
  const start: readonly TemplateMessage[] =
    flags.system === undefined ? [] : [{ role: "system", content: flags.system }];
  // Says now that a model has no chat template, not after the first message.
  generator.chatPrompt([...start, { role: "user", content: "?" }]);
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: isTerminal });
  let answering: AbortController | undefined;
  const interrupt = (): void => {
    if (answering) answering.abort();
    else lines.close();
  };
  lines.on("SIGINT", interrupt);
  process.on("SIGINT", interrupt);
  const ask = (): void => {
    if (isTerminal) {
      lines.setPrompt("> ");
      lines.prompt();
    }
  };
  let messages = [...start];
  ask();
  try {
    for await (const line of lines) {
      const content = line.trim();
      if (content === "/exit") break;
      if (content === "/reset") {
        messages = [...start];
      } else if (content !== "") {
        answering = new AbortController();
        messages.push({ role: "user", content });
        await answer(generator, messages, flags, answering.signal);
        answering = undefined;
      }
      ask();
    }
  } finally {
    process.off("SIGINT", interrupt);
    lines.close();
  }
}

/** Streams the answer to the last message and adds it to the conversation; one that does not fit is taken back. */
async function answer(
  generator: TextGenerator,
  messages: TemplateMessage[],
  flags: Flags,
  signal: AbortSignal,
): Promise<void> {
  try {
    const prompt = generator.chatPrompt(messages);
    const [made] = await generator.generate({ ...requestOf(flags), prompt, signal }, ({ text }) =>
      printPart(text),
    );
    printPart("\n");
    messages.push({ role: "assistant", content: made!.text });
    if (made!.finishReason === "length") say("(the answer reached its length)");
  } catch (error) {
    if (!TuttiError.is(error) || error.code !== "INVALID_ARGUMENT") throw error;
    messages.pop();
    say(`${error.message}; /reset starts anew`);
  }
}
