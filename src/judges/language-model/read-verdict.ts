/** Verdicts out of what a judging model wrote. */
import { arenaHardGame } from "../../judged/index.ts";
import { findObject } from "./repair-json.ts";
import { type ChoiceLabels, DEFAULT_LABELS, DEFAULT_SCALE, type Rubric } from "./rubric.ts";

/** What one reply says. Outcome is the first answer's share of the win. */
export type ReadVerdict =
  | {
      readonly kind: "rating";
      readonly rating: number;
      readonly reason?: string;
      readonly isRepaired: boolean;
    }
  | {
      readonly kind: "choice";
      readonly label: string;
      readonly outcome: number;
      /** How much the game counts: three where Arena-Hard says "much better". */
      readonly weight: number;
      readonly reason?: string;
      readonly isRepaired: boolean;
    };

/** Why a reply could not be read, in words that the model is told when it is asked again. */
export interface Unreadable {
  readonly kind: "unreadable";
  readonly problem: string;
}

const unreadable = (problem: string): Unreadable => ({ kind: "unreadable", problem });

/** What stands last in double brackets, which are taken single too; the last counts, since models think aloud first. */
function lastBracketed(text: string): string | undefined {
  const double = [...text.matchAll(/\[\[\s*([^[\]]{1,40}?)\s*\]\]/g)].at(-1);
  return (double ?? [...text.matchAll(/\[\s*([^[\]]{1,40}?)\s*\]/g)].at(-1))?.[1];
}

function readRating(
  rubric: Rubric,
  value: unknown,
  more: { reason?: string; isRepaired: boolean },
): ReadVerdict | Unreadable {
  const { least, most } = rubric.scale ?? DEFAULT_SCALE;
  const text =
    typeof value === "string" ? value.trim().replace(/\s*(?:\/|out of)\s*\d+(?:\.\d+)?$/, "") : value;
  const rating = typeof text === "string" && text !== "" ? Number(text) : text;
  if (typeof rating !== "number" || !Number.isFinite(rating)) {
    return unreadable(`the grade ${JSON.stringify(value) ?? "is missing and"} is no number`);
  }
  if (rating < least || rating > most) {
    return unreadable(`the grade ${rating} lies outside of ${least} to ${most}`);
  }
  return { kind: "rating", rating, ...more };
}

function readChoice(
  { first, second, tie }: ChoiceLabels,
  value: unknown,
  more: { reason?: string; isRepaired: boolean },
): ReadVerdict | Unreadable {
  const said = typeof value === "string" ? value.trim().toLowerCase() : "";
  const outcomes = new Map([
    [first.toLowerCase(), 1],
    [tie.toLowerCase(), 0.5],
    [second.toLowerCase(), 0],
  ]);
  const outcome = outcomes.get(said);
  if (outcome === undefined) {
    return unreadable(
      `the verdict ${JSON.stringify(value) ?? "is missing and"} is none of ${first}, ${second}, ${tie}`,
    );
  }
  return { kind: "choice", label: String(value).trim(), outcome, weight: 1, ...more };
}

function readJson(rubric: Rubric, text: string): ReadVerdict | Unreadable {
  const field = rubric.kind === "pointwise" ? "score" : "winner";
  const found = findObject(text, [field]);
  if (found === undefined) return unreadable(`there is no JSON object with the field "${field}"`);
  const { value, isRepaired } = found;
  const more = { ...(typeof value.reason === "string" && { reason: value.reason }), isRepaired };
  return rubric.kind === "pointwise"
    ? readRating(rubric, value[field], more)
    : readChoice(rubric.labels ?? DEFAULT_LABELS, value[field], more);
}

/** Reads a reply as the rubric's output says; `tokens` is read by preference.ts. */
export function readVerdict(rubric: Rubric, text: string): ReadVerdict | Unreadable {
  if (rubric.output === "json") return readJson(rubric, text);
  const said = lastBracketed(text);
  if (said === undefined) return unreadable("there is no verdict in double brackets");
  if (rubric.output === "rating") return readRating(rubric, said, { isRepaired: false });
  if (rubric.output === "choice")
    return readChoice(rubric.labels ?? DEFAULT_LABELS, said, { isRepaired: false });
  const label = said.replaceAll(/\s/g, "").toUpperCase();
  const game = arenaHardGame(label);
  return game === undefined
    ? unreadable(`the verdict ${JSON.stringify(said)} is none of A>>B, A>B, A=B, B>A, B>>A`)
    : { kind: "choice", label, ...game, isRepaired: false };
}
