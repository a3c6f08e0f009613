/** Questions with one right answer that a program knows: sums in words, changes of words, units. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { RandomStream, streamOf } from "../../src/tensor/random.ts";

export interface Question {
  readonly id: string;
  readonly family: number;
  readonly text: string;
  readonly answer: string;
  /** The way to the answer in a few words, as a specialist is taught it: the answer comes last. */
  readonly solution: string;
}

export const FAMILIES: readonly string[] = ["arithmetic", "words", "units"];

type Draw = (limit: number) => number;
type Asked = readonly [text: string, answer: string | number, way?: string];

const NAMES = ["Tom", "Ana", "Ben", "Mia", "Leo", "Eva", "Max", "Ida", "Sam", "Zoe"];
const THINGS = ["apples", "books", "coins", "cards", "pens", "shells", "eggs", "stamps"];
const WORDS = [
  ..."apple bread chair cloud dance earth fruit grass heart house juice knife light money music night ocean paper".split(
    " ",
  ),
  ..."plant queen river school stone table tiger train voice water wheel winter yellow garden silver basket".split(
    " ",
  ),
  ..."bottle camera dinner engine forest hammer island jacket kitten ladder market needle orange pencil rabbit".split(
    " ",
  ),
  ..."saddle temple turtle valley window bridge candle desert flower guitar helmet insect jungle lemon mirror".split(
    " ",
  ),
];
/** Unit, smaller unit, how many of the smaller one. */
const UNITS: readonly (readonly [string, string, number])[] = [
  ["hours", "minutes", 60],
  ["minutes", "seconds", 60],
  ["days", "hours", 24],
  ["weeks", "days", 7],
  ["years", "months", 12],
  ["meters", "centimeters", 100],
  ["kilometers", "meters", 1000],
  ["kilograms", "grams", 1000],
  ["dollars", "cents", 100],
  ["feet", "inches", 12],
];

const one = <T>(items: readonly T[], draw: Draw): T => items[draw(items.length)]!;

function sums(draw: Draw): Asked {
  const [name, things] = [one(NAMES, draw), one(THINGS, draw)];
  const [a, b, c] = [2 + draw(38), 1 + draw(20), 1 + draw(9)];
  const each = 1 + (b % 9);
  const forms: readonly Asked[] = [
    [`What is ${a} + ${b}?`, a + b, `${a} + ${b}`],
    [`What is ${a + b} - ${b}?`, a, `${a + b} - ${b}`],
    [
      `${name} has ${a} ${things} and gets ${b} more. How many ${things} does ${name} have now?`,
      a + b,
      `${a} + ${b}`,
    ],
    [`${name} had ${a + b} ${things} and gave away ${b}. How many ${things} are left?`, a, `${a + b} - ${b}`],
    [
      `${name} has ${a} ${things}, buys ${b} and loses ${c}. How many ${things} does ${name} have now?`,
      a + b - c,
      `${a} + ${b} = ${a + b}, ${a + b} - ${c}`,
    ],
    [
      `${name} has ${c} boxes with ${each} ${things} each. How many ${things} is that?`,
      c * each,
      `${c} x ${each}`,
    ],
  ];
  return one(forms, draw);
}

function words(draw: Draw): Asked {
  const word = one(WORDS, draw);
  const forms: readonly Asked[] = [
    [`Write the word "${word}" in capital letters.`, word.toUpperCase()],
    [`What is the first letter of the word "${word}"?`, word[0]!],
    [`What is the last letter of the word "${word}"?`, word.at(-1)!],
    [`Write the plural of the word "${word}" by adding s.`, `${word}s`],
    [`Write the word "${word}" without its first letter.`, word.slice(1)],
  ];
  return one(forms, draw);
}

function units(draw: Draw): Asked {
  const [large, small, factor] = one(UNITS, draw);
  const count = 2 + draw(18);
  return draw(3) > 0
    ? [`How many ${small} are in ${count} ${large}?`, count * factor, `${count} x ${factor}`]
    : [`How many ${large} are ${count * factor} ${small}?`, count, `${count * factor} / ${factor}`];
}

const FORMS: readonly ((draw: Draw) => Asked)[] = [sums, words, units];

/** Different questions of a family; none of those in `taken`, to which they are added. */
export function drawQuestions(
  name: string,
  family: number,
  count: number,
  seed: number,
  taken: Set<string>,
): Question[] {
  const stream = new RandomStream({ seed, stream: streamOf(`${name} ${FAMILIES[family]}`) });
  const drawn: Question[] = [];
  for (let tries = 0; drawn.length < count; tries++) {
    if (tries > 100 * count)
      throw new Error(`there are no ${count} further questions about ${FAMILIES[family]}`);
    const [text, answer, way] = FORMS[family]!((limit) => stream.nextInteger(limit));
    if (taken.has(text)) continue;
    taken.add(text);
    drawn.push({
      id: `${name}-${FAMILIES[family]}-${drawn.length}`,
      family,
      text,
      answer: String(answer),
      solution: way === undefined ? String(answer) : `${way} = ${answer}`,
    });
  }
  return drawn;
}

const MOST_WORDS = 32;

/** Short word problems with whole answers from a file of `{input, target}` lines, such as MAWPS. */
export function readWordProblems(path: string, count: number, seed: number): Question[] {
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { input: string; target: number });
  const usable = rows.filter(
    ({ input, target }) => Number.isInteger(target) && target >= 0 && input.split(/\s+/).length <= MOST_WORDS,
  );
  const stream = new RandomStream({ seed, stream: streamOf("word problems") });
  return Array.from({ length: Math.min(count, usable.length) }, (_, index) => {
    const [row] = usable.splice(stream.nextInteger(usable.length), 1);
    return {
      id: `problem-${index}`,
      family: 0,
      text: row!.input.replaceAll(/\s+([?.,])/g, "$1"),
      answer: String(row!.target),
      solution: String(row!.target),
    };
  });
}

/**
 * Numbers: the last number of the answer is the right one. Words: the last word is, letter by letter, quotes and
 * punctuation aside.
 */
export function isRight({ answer }: Pick<Question, "answer">, given: string): boolean {
  const line = given.trim();
  if (/^\d+$/.test(answer)) {
    const last = line
      .replaceAll(",", "")
      .match(/-?\d+(?:\.\d+)?/g)
      ?.at(-1);
    return last !== undefined && Number(last) === Number(answer);
  }
  return line.match(/[A-Za-z]+/g)?.at(-1) === answer;
}
