/** A rubric: what a judging model is told, and how its verdict is read. */
import { TuttiError } from "../../support/errors.ts";

/**
 * - `rating`: text that ends in `[[7]]`, as MT-Bench asks for
 * - `choice`: text that ends in `[[A]]`, `[[B]]` or `[[C]]` for a tie
 * - `arena-hard`: text that ends in `[[A>>B]]`, `[[A>B]]`, `[[A=B]]`, `[[B>A]]` or `[[B>>A]]`
 * - `json`: an object with `score` (pointwise) or `winner` (pairwise: first label, second label, tie), and `reason`
 * - `tokens`: one token, the label of the better answer; its log-probabilities are the preference (AlpacaEval 2)
 */
export const RUBRIC_OUTPUTS = ["rating", "choice", "arena-hard", "json", "tokens"] as const;
export type RubricOutput = (typeof RUBRIC_OUTPUTS)[number];

export interface RatingScale {
  readonly least: number;
  readonly most: number;
}

/** What the rubric calls the answers. */
export interface ChoiceLabels {
  readonly first: string;
  readonly second: string;
  readonly tie: string;
}

export interface Rubric {
  readonly name: string;
  /** A new one for every change of meaning; changes of wording are noticed without it. */
  readonly version: string;
  readonly kind: "pointwise" | "pairwise";
  readonly system?: string | undefined;
  /** With {question} and {answer}, or {answer_a} and {answer_b}; {reference} where the prompt has a reference answer. */
  readonly prompt: string;
  readonly output: RubricOutput;
  /** Of ratings. @default 1 to 10 */
  readonly scale?: RatingScale | undefined;
  /** @default A, B, C */
  readonly labels?: ChoiceLabels | undefined;
  /** Sampling parameters of the judging model, such as temperature and max_tokens. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** How often the model is asked again when its verdict cannot be read. @default 1 */
  readonly repairs?: number | undefined;
}

export const DEFAULT_SCALE: RatingScale = { least: 1, most: 10 };
export const DEFAULT_LABELS: ChoiceLabels = { first: "A", second: "B", tie: "C" };

const NEEDED = { pointwise: ["answer"], pairwise: ["answer_a", "answer_b"] } as const;
const OUTPUTS_OF = {
  pointwise: ["rating", "json"],
  pairwise: ["choice", "arena-hard", "json", "tokens"],
} as const satisfies Record<string, readonly RubricOutput[]>;

/** Names in braces of a template. */
const PLACEHOLDER = /\{([a-z_]+)\}/g;
const KNOWN = ["question", "answer", "answer_a", "answer_b", "reference"];

function invalid(rubric: Rubric, problem: string, hint: string): TuttiError {
  return new TuttiError("JUDGE_INVALID", `rubric "${rubric.name}": ${problem}`, {
    details: { rubric: rubric.name },
    hint,
  });
}

/** @throws {TuttiError} JUDGE_INVALID when kind, output, placeholders, scale or labels do not fit together */
export function checkRubric(rubric: Rubric): void {
  const { kind, output, prompt, scale = DEFAULT_SCALE, labels = DEFAULT_LABELS } = rubric;
  const outputs: readonly RubricOutput[] = OUTPUTS_OF[kind];
  if (!outputs.includes(output)) {
    throw invalid(rubric, `output "${output}" is none of a ${kind} rubric`, `use ${outputs.join(", ")}`);
  }
  const named = [...prompt.matchAll(PLACEHOLDER)].map(([, name]) => name!);
  const missing = ["question", ...NEEDED[kind]].find((name) => !named.includes(name));
  if (missing !== undefined) {
    throw invalid(rubric, `the prompt has no {${missing}}`, "the judge would not see what it judges");
  }
  const other = named.find((name) => KNOWN.includes(name) && !isOf(kind, name));
  if (other !== undefined) {
    throw invalid(
      rubric,
      `{${other}} is no placeholder of a ${kind} rubric`,
      `use {question}, ${NEEDED[kind].map((name) => `{${name}}`).join(", ")}`,
    );
  }
  if (!(scale.most > scale.least)) {
    throw invalid(rubric, `scale ${scale.least} to ${scale.most}`, "the best rating must be above the worst");
  }
  const words = [labels.first, labels.second, labels.tie];
  // Words of a text are read whatever their case; tokens are not.
  const distinct = new Set(output === "tokens" ? words : words.map((word) => word.toLowerCase()));
  if (distinct.size < words.length || words.some((word) => word.trim() !== word || word === "")) {
    throw invalid(
      rubric,
      `labels ${words.map((word) => JSON.stringify(word)).join(", ")}`,
      "give three different words",
    );
  }
}

function isOf(kind: Rubric["kind"], name: string): boolean {
  return ["question", "reference", ...NEEDED[kind]].includes(name);
}

/** Whether the judging model is shown the reference answer. */
export function asksForReference({ prompt }: Rubric): boolean {
  return [...prompt.matchAll(PLACEHOLDER)].some(([, name]) => name === "reference");
}

/**
 * The template with its known placeholders replaced, in one pass: braces inside of answers stay as they are.
 *
 * @throws {TuttiError} JUDGE_INVALID when the template needs a value that is not there
 */
export function fillRubric(rubric: Rubric, values: Readonly<Record<string, string | undefined>>): string {
  return rubric.prompt.replaceAll(PLACEHOLDER, (whole, name: string) => {
    if (!KNOWN.includes(name)) return whole;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) return value;
    throw invalid(
      rubric,
      `the prompt has no value for {${name}}`,
      "judge prompts with a reference answer, or take {reference} out of the rubric",
    );
  });
}
