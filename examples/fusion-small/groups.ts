/** Answers of the sources as the selectors read them. */
import type { JudgedGroup, SelectedRow } from "../../src/judged/index.ts";
import type { RandomStream } from "../../src/tensor/random.ts";
import type { Given, SftRow } from "./tiny-models.ts";
import { FAMILIES, type Prompt, promptIds } from "./world.ts";

/** Token ids as the text of an answer, which the selectors compare. */
const textOf = (ids: ArrayLike<number>): string => Array.from(ids).join(" ");
export const idsOf = (text: string): Int32Array => Int32Array.from(text.split(" "), Number);

export const sftRows = (rows: readonly SelectedRow[]): SftRow[] =>
  rows.map(({ group, answer }) => ({
    id: group.id,
    promptIds: idsOf(group.messages[0]!.content as string),
    answerIds: idsOf(answer.text),
  }));

/** What an answer scores; `draw` is a uniform number of its own. */
export type Scorer = (given: Given, draw: () => number) => number;

export function judgedGroups(
  prompts: readonly Prompt[],
  answers: readonly (readonly (readonly Given[])[])[],
  scorer: Scorer,
  stream: RandomStream,
): JudgedGroup[] {
  return prompts.map((prompt, index) => ({
    promptKey: prompt.id,
    id: prompt.id,
    domain: FAMILIES[prompt.family]!.name,
    messages: [{ role: "user" as const, content: textOf(promptIds(prompt)) }],
    answers: answers.flatMap((given, source) =>
      given[index]!.map((answer, sample) => ({
        key: `${prompt.id}/${source}/${sample}`,
        source: `source ${source}`,
        text: textOf(answer.ids),
        status: "ok" as const,
        score: scorer(answer, () => stream.nextUniform()),
        isCorrect: answer.isCorrect,
        finalAnswer: null,
        tokens: answer.ids.length,
      })),
    ),
  }));
}

export function coverageOf(groups: readonly JudgedGroup[], sources: number): Record<string, number> {
  const share = (counts: (source: string) => boolean): number =>
    groups.filter(({ answers }) => answers.some(({ source, isCorrect }) => isCorrect && counts(source)))
      .length / groups.length;
  const single = Array.from({ length: sources }, (_, source) => `source ${source}`);
  return {
    ...Object.fromEntries(single.map((name) => [name, share((source) => source === name)])),
    joint: share(() => true),
  };
}

export const only = (groups: readonly JudgedGroup[], source: number): JudgedGroup[] =>
  groups.map((group) => ({
    ...group,
    answers: group.answers.filter((answer) => answer.source === `source ${source}`),
  }));
