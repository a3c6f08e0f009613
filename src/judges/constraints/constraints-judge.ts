/** Judges whether an answer follows the verifiable instructions of its prompt (after IFEval, arXiv 2311.07911). */
import type { JsonObject, PromptRow } from "../../judged/index.ts";
import { withTimeLimit } from "../../support/time-limit.ts";
import type { Judge, Verdict } from "../judge.ts";
import { type CheckContext, checkConstraint, looseVariants } from "./checks.ts";
import type { Finding } from "./finding.ts";
import { languageDetector } from "./language.ts";
import { type Constraint, checkedConstraints } from "./schema.ts";

const VERSION = "1";
/** A guard for each constraint: checks take time linear in the answer, but schemas may ask for more. */
const TIME_LIMIT_MS = 30_000;

export interface ConstraintsJudgeOptions {
  /**
   * "strict" (default): the answer as it stands. "loose": also without its first line, its last line and its stars, so that a
   * greeting, a closing word or Markdown does no harm.
   */
  readonly reading?: "strict" | "loose";
  /** "all" (default): 1 where every constraint is followed, else 0. "share": the share of constraints that are. */
  readonly score?: "all" | "share";
}

export type ConstraintsVerdict = "followed" | "partly_followed" | "not_followed" | "not_judged";

/**
 * A judge that reads `prompt.reference.constraints` (see docs/judges.md). The explanation lists, for every constraint, whether it is
 * followed in the strict and in the loose reading, and what was found.
 *
 * @throws {TuttiError} JUDGE_INVALID where the constraints are missing or wrong
 */
export function createConstraintsJudge(options: ConstraintsJudgeOptions = {}): Judge {
  const { reading = "strict", score = "all" } = options;
  const changed = [reading !== "strict" && reading, score !== "all" && score].filter(Boolean);
  return {
    name: "constraints",
    version: [VERSION, ...changed].join(";"),
    canJudge: ({ reference }) => reference?.constraints !== undefined,
    judge: async (prompt, response) => {
      const { constraints, place } = constraintsOf(prompt);
      const isAboutLanguage = constraints.some(({ kind }) => kind === "language");
      const detect = isAboutLanguage ? await languageDetector() : noDetector;
      try {
        const results = constraints.map((constraint, index) =>
          resultOf(response.text, constraint, { place: `${place}[${index}]`, detect }),
        );
        return verdictOf(results, reading, score);
      } catch (error) {
        if (!(error instanceof TooLong)) throw error;
        const reason = `checking one constraint took longer than ${TIME_LIMIT_MS / 1000} s`;
        return { score: null, verdict: "not_judged" satisfies ConstraintsVerdict, explanation: { reason } };
      }
    },
  };
}

const noDetector = (): never => {
  throw new Error("internal: no constraint is about language");
};

function constraintsOf({ id, reference }: PromptRow): {
  readonly constraints: readonly Constraint[];
  readonly place: string;
} {
  const place = `prompt ${JSON.stringify(id)}: reference.constraints`;
  return { constraints: checkedConstraints(reference?.constraints, place), place };
}

interface Result {
  readonly constraint: Constraint;
  readonly strict: Finding;
  readonly isFollowedLoosely: boolean;
}

class TooLong extends Error {}

function timed(text: string, constraint: Constraint, context: CheckContext): Finding {
  return withTimeLimit(
    TIME_LIMIT_MS,
    () => checkConstraint(text, constraint, context),
    () => new TooLong(),
  );
}

function resultOf(text: string, constraint: Constraint, context: CheckContext): Result {
  const strict = timed(text, constraint, context);
  if (text.trim() === "")
    return { constraint, strict: { ...strict, isFollowed: false }, isFollowedLoosely: false };
  const isFollowedLoosely =
    strict.isFollowed ||
    looseVariants(text).some(
      (variant) => variant.trim() !== "" && timed(variant, constraint, context).isFollowed,
    );
  return { constraint, strict, isFollowedLoosely };
}

function verdictOf(results: readonly Result[], reading: "strict" | "loose", score: "all" | "share"): Verdict {
  const followed = results.filter(({ strict, isFollowedLoosely }) =>
    reading === "strict" ? strict.isFollowed : isFollowedLoosely,
  ).length;
  const isAll = followed === results.length;
  const word: ConstraintsVerdict = isAll ? "followed" : followed > 0 ? "partly_followed" : "not_followed";
  const explanation: JsonObject = {
    followed,
    of: results.length,
    constraints: results.map(({ constraint, strict, isFollowedLoosely }) => ({
      kind: constraint.kind,
      strict: strict.isFollowed,
      loose: isFollowedLoosely,
      found: strict.found,
    })),
  };
  return { score: score === "share" ? followed / results.length : isAll ? 1 : 0, verdict: word, explanation };
}
