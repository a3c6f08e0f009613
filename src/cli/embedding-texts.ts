/** The texts that `model embed` is given: as arguments, as lines, or as lines of JSON. */
import { text as readAll } from "node:stream/consumers";
import { readLines } from "../judged/lines.ts";
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";

export interface GivenText {
  readonly text: string;
  /** What the result says beside the embedding. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface TextSource {
  /** Texts of the command line; others are read where there are none. */
  readonly texts: readonly string[];
  /** A file of lines, .gz too; "-" or undefined is standard input. */
  readonly input: string | undefined;
  /** Whether every line is JSON: a string, or an object with the text under `field`. */
  readonly isJson: boolean;
  readonly field: string;
}

async function linesOf(input: string | undefined): Promise<string[]> {
  if (input === undefined || input === "-") {
    const lines = (await readAll(process.stdin)).split(/\r?\n/);
    return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  }
  const lines: string[] = [];
  for await (const { text } of readLines(input)) lines.push(text);
  return lines;
}

function parseLine(line: string, where: string, field: string): GivenText {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new TuttiError("RECORD_INVALID", `${where}: is not JSON: ${shown(line)}`, { details: { where } });
  }
  if (typeof value === "string") return { text: value, record: { text: value } };
  const text = (value as Readonly<Record<string, unknown>> | null)?.[field];
  if (typeof text === "string") return { text, record: value as GivenText["record"] };
  throw new TuttiError("RECORD_INVALID", `${where}: has no text under "${field}": ${shown(value)}`, {
    details: { where },
    hint: "name the key that holds the text with --field",
  });
}

/** @throws {TuttiError} FILE_NOT_FOUND; RECORD_INVALID naming the line */
export async function readTexts({ texts, input, isJson, field }: TextSource): Promise<GivenText[]> {
  if (texts.length > 0) return texts.map((text) => ({ text, record: { text } }));
  const lines = await linesOf(input);
  if (!isJson) return lines.map((text) => ({ text, record: { text } }));
  return lines.flatMap((line, index) =>
    line.trim() === "" ? [] : [parseLine(line, `${input ?? "standard input"}:${index + 1}`, field)],
  );
}
