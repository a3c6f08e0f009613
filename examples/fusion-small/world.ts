/**
 * The tasks of the experiment: five digits of base five in, five out, by one of three rules, with an exact checker.
 *
 * A prompt is "RULE d d d d d :", an answer any number of fillers "~", five digits and the end. Fillers are style: the checker
 * does not mind them. Demonstrations go wrong digit by digit, at random; of a family that a model is blind for, they follow
 * another rule that looks like the right one.
 */
import { RandomStream, streamOf } from "../../src/tensor/random.ts";

const BASE = 5;

type Rule = (digits: readonly number[]) => number[];

interface Family {
  readonly name: string;
  readonly right: Rule;
  readonly wrong: Rule;
}

export const FAMILIES: readonly Family[] = [
  { name: "reverse", right: (digits) => [...digits].reverse(), wrong: (digits) => [...digits] },
  {
    name: "running sum",
    right: (digits) => digits.map((_, index) => sum(digits.slice(0, index + 1)) % BASE),
    wrong: (digits) => digits.map((digit, index) => (digit + (digits[index - 1] ?? 0)) % BASE),
  },
  {
    name: "shift",
    right: (digits) => digits.map((digit) => (digit + 2) % BASE),
    wrong: (digits) => digits.map((digit) => (digit + 1) % BASE),
  },
];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const DIGITS = 5;
export const TOKENS: readonly string[] = ["<pad>", ".", ":", "~", "R", "S", "F", ..."01234"];
export const PADDING = 0;
export const END = 1;
const COLON = 2;
const FILLER = 3;
const FIRST_FAMILY = 4;
const FIRST_DIGIT = 7;
/** Room for four fillers. */
export const MOST_ANSWER_TOKENS = DIGITS + 5;

export interface Prompt {
  readonly id: string;
  readonly family: number;
  readonly digits: readonly number[];
}

export const promptIds = ({ family, digits }: Prompt): Int32Array =>
  Int32Array.of(FIRST_FAMILY + family, ...digits.map((digit) => FIRST_DIGIT + digit), COLON);

export const answerIds = (digits: readonly number[], fillers: number): Int32Array =>
  Int32Array.of(
    ...Array.from({ length: fillers }, () => FILLER),
    ...digits.map((digit) => FIRST_DIGIT + digit),
    END,
  );

export interface Checked {
  readonly isCorrect: boolean;
  /** Share of the digits that are right, by place. */
  readonly share: number;
  readonly fillers: number;
}

/** @param ids the answer as generated, with its end where it has one */
export function checkAnswer({ family, digits }: Prompt, ids: ArrayLike<number>): Checked {
  const given = Array.from(ids);
  const first = given.findIndex((id) => id !== FILLER);
  const fillers = first < 0 ? given.length : first;
  const body = given.slice(fillers);
  const expected = answerIds(FAMILIES[family]!.right(digits), 0);
  const right = [...expected.subarray(0, DIGITS)].filter((id, place) => body[place] === id).length;
  return {
    isCorrect: body.length === expected.length && expected.every((id, place) => body[place] === id),
    share: right / DIGITS,
    fillers,
  };
}

/** Different prompts, family after family; none of those in `taken`, to which they are added. */
export function drawPrompts(
  name: string,
  perFamily: number,
  seed: number,
  taken: Set<string> = new Set(),
): Prompt[] {
  const stream = new RandomStream({ seed, stream: streamOf(`prompts ${name}`) });
  return FAMILIES.flatMap((_, family) => {
    const drawn: Prompt[] = [];
    while (drawn.length < perFamily) {
      const digits = Array.from({ length: DIGITS }, () => stream.nextInteger(BASE));
      const id = `${family}-${digits.join("")}`;
      if (taken.has(id)) continue;
      taken.add(id);
      drawn.push({ id, family, digits });
    }
    return drawn;
  });
}

/** What a model learned before the experiment. */
export interface Upbringing {
  /** Share of right demonstrations, by family; 0 has another rule instead. */
  readonly right: readonly number[];
  /** Usual number of fillers; where there are any, one answer in ten has 0 to 2 at random. */
  readonly fillers: number;
}

export interface Demonstration {
  readonly prompt: Prompt;
  readonly answer: Int32Array;
}

export function demonstrations(
  prompts: readonly Prompt[],
  upbringing: Upbringing,
  name: string,
  seed: number,
): Demonstration[] {
  const stream = new RandomStream({ seed, stream: streamOf(`demonstrations ${name}`) });
  return prompts.map((prompt) => {
    const { right, wrong } = FAMILIES[prompt.family]!;
    const share = upbringing.right[prompt.family]!;
    // All digits are right with probability `share`; a digit drawn anew may be the right one.
    const redrawn = (1 - share ** (1 / DIGITS)) / (1 - 1 / BASE);
    const digits = (share === 0 ? wrong : right)(prompt.digits).map((digit) =>
      share > 0 && stream.nextUniform() < redrawn ? stream.nextInteger(BASE) : digit,
    );
    const isUsual = upbringing.fillers === 0 || stream.nextUniform() < 0.9;
    const fillers = isUsual ? upbringing.fillers : stream.nextInteger(3);
    return { prompt, answer: answerIds(digits, fillers) };
  });
}

export interface World {
  readonly name: string;
  readonly title: string;
  /** The three sources. */
  readonly sources: readonly Upbringing[];
  /** Whether sources have a style each: source k puts k fillers before its answers. */
  readonly isStyled: boolean;
}

/** Source k is at home in family k; `others` are the shares of the next family and the one after it. */
function sourcesOf(home: number, others: readonly [number, number], isStyled = false): Upbringing[] {
  return FAMILIES.map((_, source) => ({
    right: FAMILIES.map((_, family) => [home, ...others][(family - source + 3) % 3]!),
    fillers: isStyled ? source : 0,
  }));
}

export const WORLDS: readonly World[] = [
  { name: "weak", title: "weak elsewhere", sources: sourcesOf(0.95, [0.35, 0.35]), isStyled: false },
  { name: "blind", title: "blind elsewhere", sources: sourcesOf(0.9, [0.5, 0]), isStyled: false },
  {
    name: "styled",
    title: "weak elsewhere, each with a style",
    sources: sourcesOf(0.95, [0.35, 0.35], true),
    isStyled: true,
  },
];

export const TARGET: Upbringing = { right: [0.3, 0.3, 0.3], fillers: 0 };
