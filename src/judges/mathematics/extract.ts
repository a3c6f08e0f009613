/** Finds the final answer in a response: the explicit ways first, the last number only where nothing else is said. */
import { closingBrace } from "./tokens.ts";

export type AnswerPlace =
  | "boxed"
  | "unclosed_box"
  | "hashes"
  | "sentence"
  | "bold"
  | "display"
  | "last_number";

export interface ExtractedAnswer {
  readonly text: string;
  readonly place: AnswerPlace;
}

/** Only the end of a longer response is searched. */
const MAX_SEARCHED = 200_000;
/** What follows "the answer is" at most. */
const MAX_SENTENCE = 600;
/** A sentence with more words than this only leads to the answer. */
const MAX_ANSWER_WORDS = 4;

const BOX = /\\(?:boxed|fbox|framebox)\s*(?=[{\w\\])|\bboxed\s*(?=\{)/g;
const ANSWER_WORDS =
  /(?:(?:final|correct)\s+answer|(?:the|my|our)\s+answer|answer)\s*(?:\*\*|__)?\s*(?:to\s+th(?:e|is)\s+(?:question|problem)\s*)?(?:is|are|=|:|would be|must be)\s*(?:\*\*|__)?\s*:?\s*/gi;
const NUMBER = /-?\s?\$?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?\/\s?\d+)?%?|-?\.\d+%?/g;

/** The last box that holds something. TeX also takes one sign without braces: \boxed 5. */
function boxed(text: string): ExtractedAnswer | undefined {
  const found: ExtractedAnswer[] = [];
  for (const { index, 0: command } of text.matchAll(BOX)) {
    const start = index + command.length;
    if (text[start] !== "{") {
      const content = /^\\?\w+/.exec(text.slice(start, start + 40))?.[0] ?? "";
      found.push({ text: content, place: "boxed" });
      continue;
    }
    // A box longer than any answer was never closed.
    const window = text.slice(start, start + 4002);
    const end = closingBrace(window, 0);
    const isClosed = end < window.length;
    const content = isClosed ? window.slice(1, end) : (window.slice(1).split("\n")[0] ?? "");
    found.push({ text: content, place: isClosed ? "boxed" : "unclosed_box" });
  }
  return found.reverse().find(({ text: content }) => content.trim() !== "");
}

/** GSM8K's own form: #### 42 */
function afterHashes(text: string): ExtractedAnswer | undefined {
  const at = text.lastIndexOf("####");
  if (at < 0) return undefined;
  const line = text
    .slice(at + 4, at + 4 + MAX_SENTENCE)
    .split("\n")[0]!
    .trim();
  // A heading of Markdown looks the same; an answer has a digit and few words.
  return /\d/.test(line) && line.split(/\s+/).length <= 6 && !/^step\b|^\d+\.\s/i.test(line)
    ? { text: line, place: "hashes" }
    : undefined;
}

/** Mathematics in $...$, \(...\), \[...\] that the text begins with. */
function leadingMathematics(text: string): string | undefined {
  const patterns = [
    /^\s*\$\$([^$]{1,400})\$\$/,
    /^\s*\$([^$]{1,400})\$/,
    /^\s*\\\(([\s\S]{1,400}?)\\\)/,
    /^\s*\\\[([\s\S]{1,400}?)\\\]/,
  ];
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Up to the end of the sentence or line: a full stop before a digit belongs to a number. */
function sentenceEnd(text: string): string {
  const line = text.split("\n")[0]!;
  const stop = /[.!?](?=\s|$|\*\*|<)/.exec(line);
  return (stop ? line.slice(0, stop.index) : line).replace(/^[*_\s]+|[*_\s]+$/g, "");
}

/** What a sentence says: the mathematics at its end where it begins with words, else itself where it is short. */
function saidBy(sentence: string): string | undefined {
  const words = sentence.replace(/\\[A-Za-z]+/g, " ").match(/[A-Za-z]{2,}/g)?.length ?? 0;
  const [, ...groups] = [...sentence.matchAll(/\$([^$]{1,200})\$|\\\((.{1,200}?)\\\)/g)].at(-1) ?? [];
  const inner = groups.find((group) => group !== undefined);
  if (inner !== undefined && /^[A-Za-z]{2}/.test(sentence)) return inner;
  return words <= MAX_ANSWER_WORDS ? sentence || undefined : inner;
}

/** The last "the answer is ...". */
function inSentence(text: string): ExtractedAnswer | undefined {
  for (const { index, 0: words } of [...text.matchAll(ANSWER_WORDS)].reverse()) {
    const rest = text.slice(index + words.length, index + words.length + MAX_SENTENCE).replace(/^\s+/, "");
    const bold = /^\*\*(.{1,200}?)\*\*/.exec(rest)?.[1];
    const answer = leadingMathematics(rest) ?? bold ?? saidBy(sentenceEnd(rest));
    if (answer !== undefined && answer.trim() !== "") return { text: answer.trim(), place: "sentence" };
  }
  return undefined;
}

/** Bold or displayed mathematics in the last paragraph. */
function emphasised(text: string): ExtractedAnswer | undefined {
  const paragraph =
    text
      .trim()
      .split(/\n\s*\n/)
      .at(-1) ?? "";
  const end = paragraph.slice(-MAX_SENTENCE);
  const bold = [...end.matchAll(/\*\*([^*\n]{1,120})\*\*/g)].map(([, inner]) => inner!).reverse();
  const answer = bold.find((inner) => /\d/.test(inner) && !/:\s*$/.test(inner));
  if (answer !== undefined) return { text: answer, place: "bold" };
  const mathematics = [
    ...end.matchAll(/\$([^$\n]{1,200})\$|\\\((.{1,200}?)\\\)|\\\[([\s\S]{1,200}?)\\\]/g),
  ].at(-1);
  const inner = mathematics?.slice(1).find((group) => group !== undefined);
  return inner === undefined ? undefined : { text: inner, place: "display" };
}

function lastNumber(text: string): ExtractedAnswer | undefined {
  const found = text.slice(-4000).match(NUMBER)?.at(-1);
  return found === undefined ? undefined : { text: found.trim(), place: "last_number" };
}

/**
 * The final answer of a response, or undefined where there is none. Time grows with the length only.
 *
 * @param isStatedOnly take a box, "####" or "the answer is" only: what a question can expect that says how to answer
 */
export function extractFinalAnswer(response: string, isStatedOnly = false): ExtractedAnswer | undefined {
  const text = response.slice(-MAX_SEARCHED);
  const stated = boxed(text) ?? afterHashes(text) ?? inSentence(text);
  return stated ?? (isStatedOnly ? undefined : (emphasised(text) ?? lastNumber(text)));
}
