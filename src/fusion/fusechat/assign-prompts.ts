/** Which prompts of a domain are learned from by imitation and which by preference, as a pure function of their judged answers. */
import {
  countReasons,
  type Decision,
  decideGroup,
  type GroupDecision,
  type JudgedGroup,
  type Selection,
  type Selector,
} from "../../judged/index.ts";

export interface Assignment {
  readonly answers: Selector;
  /** Absent where the domain gives no pairs. */
  readonly pairs?: Selector | undefined;
  /** Of the prompts that are kept, for imitation. */
  readonly promptShare: number;
  /**
   * - `drop`: prompts that give no pair are left out before prompts are divided, so that both sides keep their share
   * - `sft`: a prompt that is meant for a pair and gives none is learned by imitation
   */
  readonly unpaired: "drop" | "sft";
}

export interface AssignedPrompts {
  readonly sft: Selection;
  /** Absent without a rule for pairs. */
  readonly pairs?: Selection;
  readonly prompts: number;
  /** Prompts that are learned from in neither way, by the reason of what came nearest. */
  readonly drops: Readonly<Record<string, number>>;
  /** Prompts meant for a pair that give none and are imitated, by that reason. */
  readonly moved: Readonly<Record<string, number>>;
}

/** What the selectors decided about one prompt. Texts of answers that are not kept are let go of. */
export interface DecidedPrompt {
  readonly answers: readonly GroupDecision[];
  readonly pairs: readonly GroupDecision[];
  readonly hasAnswer: boolean;
  readonly hasPair: boolean;
  readonly rank: number;
}

const isKept = ({ isKept }: Decision): boolean => isKept;

/** Why a prompt gives nothing: of the pairs that were weighed, where there are any, the most frequent reason. */
function reasonOf(decisions: readonly Decision[]): string {
  const weighed = decisions.filter(({ rejected }) => rejected !== undefined);
  const [reason] = Object.keys(countReasons(weighed.length > 0 ? weighed : decisions));
  return reason ?? "no_answers";
}

function counted(reasons: readonly string[]): Record<string, number> {
  return countReasons(reasons.map((reason) => ({ isKept: false, reason })));
}

/** @param rank a number in [0, 1): the prompts of the lowest are imitated */
export function decidePrompt(
  group: JudgedGroup,
  { answers, pairs }: Pick<Assignment, "answers" | "pairs">,
  rank: number,
): DecidedPrompt {
  const light = { ...group, answers: [] };
  const decide = (selector: Selector): GroupDecision[] =>
    decideGroup(selector, group).map((decision) => {
      const { answer, rejected } = decision;
      if (decision.isKept) return { ...decision, group: light };
      return {
        ...decision,
        group: light,
        ...(answer && { answer: { ...answer, text: "" } }),
        ...(rejected && { rejected: { ...rejected, text: "" } }),
      };
    });
  const forAnswers = decide(answers);
  const forPairs = pairs === undefined ? [] : decide(pairs);
  return {
    ...{ answers: forAnswers, pairs: forPairs, rank },
    hasAnswer: forAnswers.some(isKept),
    hasPair: forPairs.some(isKept),
  };
}

function selectionOf(
  { name, options, gives }: Selector,
  decisions: readonly GroupDecision[],
  prompts: number,
): Selection {
  const rows = decisions.flatMap(({ isKept, group, answer, rejected, reason }) =>
    isKept && answer ? [{ group, answer, ...(rejected && { rejected }), reason }] : [],
  );
  return {
    selector: { name, options, gives },
    rows,
    decisions,
    prompts,
    promptsKept: new Set(rows.map(({ group }) => group)).size,
    drops: countReasons(decisions.filter(({ isKept }) => !isKept)),
  };
}

/**
 * Assigns every prompt to one side at most. The first floor(share x kept) prompts in the order of their ranks are imitated:
 * FuseChat-3.0's tables have exactly this many of its instruction sets (20,439 of 51,098, 8,149 of 20,374, 3,774 of 9,435 at 0.4).
 */
export function assignPrompts(decided: readonly DecidedPrompt[], assignment: Assignment): AssignedPrompts {
  const { answers, pairs, promptShare, unpaired } = assignment;
  const needsPair = pairs !== undefined && unpaired === "drop";
  const isUsable = ({ hasAnswer, hasPair }: DecidedPrompt): boolean => hasAnswer && (hasPair || !needsPair);
  const usable = decided.filter(isUsable);
  const ranked = usable.map((one, index) => ({ one, index }));
  ranked.sort((a, b) => a.one.rank - b.one.rank || a.index - b.index);
  const imitated = new Set(ranked.slice(0, Math.floor(promptShare * usable.length)).map(({ one }) => one));
  const others = usable.filter((one) => !imitated.has(one));
  const moved = new Set(pairs === undefined ? [] : others.filter(({ hasPair }) => !hasPair));
  const sft = usable.filter((one) => imitated.has(one) || moved.has(one));
  const preferred = others.filter(({ hasPair }) => hasPair);
  const reasons = decided
    .filter((one) => !isUsable(one))
    .map((one) => reasonOf(one.hasAnswer ? one.pairs : one.answers));
  const beyond = pairs === undefined ? others.map(() => "beyond_share") : [];
  const decisions = (some: readonly DecidedPrompt[], side: "answers" | "pairs") =>
    some.flatMap((one) => one[side]);
  return {
    sft: selectionOf(answers, decisions(sft, "answers"), sft.length),
    ...(pairs && { pairs: selectionOf(pairs, decisions(preferred, "pairs"), preferred.length) }),
    prompts: decided.length,
    drops: counted([...reasons, ...beyond]),
    moved: counted([...moved].map((one) => reasonOf(one.pairs))),
  };
}
