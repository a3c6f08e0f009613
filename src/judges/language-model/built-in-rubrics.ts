/** Rubrics that need no file. */
import type { Rubric } from "./rubric.ts";

const FAIR =
  "Judge what the answers say and whether they do what was asked. Being longer, coming first or being formatted more richly is no merit by itself.";

const QUESTION = "<question>\n{question}\n</question>";
const PAIR = `${QUESTION}\n\n<answer_a>\n{answer_a}\n</answer_a>\n\n<answer_b>\n{answer_b}\n</answer_b>`;
const SINGLE = `${QUESTION}\n\n<answer>\n{answer}\n</answer>`;

const CAREFUL = { temperature: 0, max_tokens: 2048 };

/** Name -> rubric. */
export const BUILT_IN_RUBRICS: Readonly<Record<string, Rubric>> = Object.fromEntries(
  (
    [
      {
        name: "rating",
        version: "1",
        kind: "pointwise",
        system: `You grade answers. ${FAIR}`,
        prompt: `${SINGLE}\n\nSay in a few sentences what is right and what is wrong with the answer. Then end with its grade from 1 (useless) to 10 (could not be better) in this form: [[grade]], for instance [[6]].`,
        output: "rating",
        parameters: CAREFUL,
      },
      {
        name: "rating-json",
        version: "1",
        kind: "pointwise",
        system: `You grade answers. ${FAIR}`,
        prompt: `${SINGLE}\n\nReply with one JSON object and nothing else: {"reason": "what is right and wrong, in a few sentences", "score": a number from 1 (useless) to 10 (could not be better)}.`,
        output: "json",
        parameters: CAREFUL,
      },
      {
        name: "choice",
        version: "1",
        kind: "pairwise",
        system: `You compare two answers to one question. ${FAIR}`,
        prompt: `${PAIR}\n\nCompare the answers in a few sentences. Then end with your verdict: [[A]] if answer A is better, [[B]] if answer B is better, [[C]] if neither is.`,
        output: "choice",
        parameters: CAREFUL,
      },
      {
        name: "arena-hard",
        version: "1",
        kind: "pairwise",
        system: `You compare two answers to one demanding question. ${FAIR}`,
        prompt: `${PAIR}\n\nFirst work out your own answer. Then compare both answers with it, name their mistakes, and end with one verdict: [[A>>B]] if A is much better, [[A>B]] if A is slightly better, [[A=B]] if they are equally good, [[B>A]] if B is slightly better, [[B>>A]] if B is much better.`,
        output: "arena-hard",
        parameters: { temperature: 0, max_tokens: 4096 },
      },
      {
        name: "choice-json",
        version: "1",
        kind: "pairwise",
        system: `You compare two answers to one question. ${FAIR}`,
        prompt: `${PAIR}\n\nReply with one JSON object and nothing else: {"reason": "the comparison in a few sentences", "winner": "A", "B" or "tie"}.`,
        output: "json",
        labels: { first: "A", second: "B", tie: "tie" },
        parameters: CAREFUL,
      },
      {
        name: "preference",
        version: "1",
        kind: "pairwise",
        system: `You compare two answers to one question. ${FAIR}`,
        prompt: `${PAIR}\n\nWhich answer is better? Reply with one letter and nothing else: A or B.`,
        output: "tokens",
        parameters: { temperature: 0, max_tokens: 1, logprobs: true, top_logprobs: 20 },
      },
    ] satisfies Rubric[]
  ).map((rubric) => [rubric.name, rubric]),
);
