/** The interface of selectors, and how one runs over many prompts. */
import type { JsonObject } from "../store/rows.ts";
import type { GroupedAnswer, JudgedGroup } from "./group.ts";

/** What was decided about an answer, a pair of answers or, without either, a whole prompt. */
export interface Decision {
  readonly answer?: GroupedAnswer;
  readonly rejected?: GroupedAnswer;
  /** The better answer of another model that makes a triple of the pair. */
  readonly sourceChosen?: GroupedAnswer;
  readonly isKept: boolean;
  /** Reason code, one of the selector's. */
  readonly reason: string;
}

/** Decides about one prompt at a time, as a pure function of its answers. */
export interface Selector {
  readonly name: string;
  /** Everything that can change a decision. */
  readonly options: JsonObject;
  readonly gives: "answers" | "pairs";
  /** Every answer of the group stands in exactly one decision; a group without answers gets one of its own. */
  decide(group: JudgedGroup): readonly Decision[];
}

/** One training example: an answer, a chosen and a rejected one, or these and another model's. */
export interface SelectedRow {
  readonly group: JudgedGroup;
  readonly answer: GroupedAnswer;
  readonly rejected?: GroupedAnswer;
  readonly sourceChosen?: GroupedAnswer;
  readonly reason: string;
}

export interface GroupDecision extends Decision {
  readonly group: JudgedGroup;
}

export interface Selection {
  readonly selector: Pick<Selector, "name" | "options" | "gives">;
  readonly rows: readonly SelectedRow[];
  /** One for every answer or pair, kept or not. */
  readonly decisions: readonly GroupDecision[];
  readonly prompts: number;
  readonly promptsKept: number;
  /** Reason code -> decisions that dropped something for it. */
  readonly drops: Readonly<Record<string, number>>;
}

/** Counts by reason code, most frequent first. */
export function countReasons(decisions: readonly Decision[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { reason } of decisions) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

/** The decisions about one prompt, each with the prompt it is about. */
export function decideGroup(selector: Selector, group: JudgedGroup): GroupDecision[] {
  const decisions =
    group.answers.length === 0 ? [{ isKept: false, reason: "no_answers" }] : selector.decide(group);
  return decisions.map((decision) => ({ ...decision, group }));
}

/** Runs a selector over prompts, in order. */
export async function select(
  selector: Selector,
  groups: Iterable<JudgedGroup> | AsyncIterable<JudgedGroup>,
): Promise<Selection> {
  const decisions: GroupDecision[] = [];
  let [prompts, promptsKept] = [0, 0];
  for await (const group of groups) {
    const made = decideGroup(selector, group);
    prompts++;
    if (made.some(({ isKept }) => isKept)) promptsKept++;
    for (const decision of made) decisions.push(decision);
  }
  const { name, options, gives } = selector;
  return {
    selector: { name, options, gives },
    rows: decisions.flatMap(({ isKept, group, answer, rejected, sourceChosen, reason }) =>
      isKept && answer
        ? [{ group, answer, ...(rejected && { rejected }), ...(sourceChosen && { sourceChosen }), reason }]
        : [],
    ),
    decisions,
    prompts,
    promptsKept,
    drops: countReasons(decisions.filter(({ isKept }) => !isKept)),
  };
}
