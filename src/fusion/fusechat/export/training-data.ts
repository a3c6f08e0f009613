/** Selected sets of a run as data files of other trainers. */
import type { JsonObject } from "../../../judged/index.ts";
import { readLines } from "../../../judged/lines.ts";
import { AtomicFile } from "../../../support/atomic-file.ts";
import type { Trainer } from "./trainer-files.ts";

interface Turn {
  readonly role: string;
  readonly content: string;
}

/** A line of the run's own files. */
interface OwnRow {
  readonly messages?: readonly Turn[];
  readonly prompt?: readonly Turn[];
  readonly chosen?: readonly Turn[];
  readonly rejected?: readonly Turn[];
}

const SPEAKERS: Readonly<Record<string, string>> = { system: "system", user: "human", assistant: "gpt" };

const shareGptTurn = ({ role, content }: Turn): JsonObject => ({ from: SPEAKERS[role]!, value: content });

const turns = (messages: readonly Turn[]): JsonObject[] =>
  messages.map(({ role, content }) => ({ role, content }));

/** Prompt and completion apart, so that TRL's loss is on the completion alone. */
function answerRow({ messages = [] }: OwnRow, trainer: Trainer): JsonObject {
  if (trainer === "llama-factory") return { conversations: messages.map(shareGptTurn) };
  return { prompt: turns(messages.slice(0, -1)), completion: turns(messages.slice(-1)) };
}

function pairRow({ prompt = [], chosen = [], rejected = [] }: OwnRow, trainer: Trainer): JsonObject {
  if (trainer === "trl") return { prompt: turns(prompt), chosen: turns(chosen), rejected: turns(rejected) };
  return {
    conversations: prompt.map(shareGptTurn),
    chosen: shareGptTurn(chosen[0]!),
    rejected: shareGptTurn(rejected[0]!),
  };
}

/** Rewrites a set for a trainer, a line at a time; returns the number of rows. */
export async function exportSet(
  from: readonly string[],
  to: string,
  gives: "answers" | "pairs",
  trainer: Trainer,
): Promise<number> {
  const file = new AtomicFile(to);
  let rows = 0;
  try {
    for (const path of from) {
      for await (const { text } of readLines(path)) {
        if (text.trim() === "") continue;
        const row = JSON.parse(text) as OwnRow;
        const exported = gives === "answers" ? answerRow(row, trainer) : pairRow(row, trainer);
        file.write(`${JSON.stringify(exported)}\n`);
        rows++;
      }
    }
    file.commit();
    return rows;
  } finally {
    file.discard();
  }
}
