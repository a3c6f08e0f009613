/** One check a kind of constraint: strict, over the text as it stands. */
import { RE2JS } from "re2js";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { excerpt, type Finding, finding, within } from "./finding.ts";
import { checkJson, checkJsonSchema } from "./json-check.ts";
import type { DetectedLanguage } from "./language.ts";
import type { Constraint, ConstraintKind, ConstraintOf } from "./schema.ts";
import {
  lowerWordsIn,
  occurrences,
  paragraphsIn,
  sentencesIn,
  wordOccurrences,
  wordsIn,
} from "./text-units.ts";

export interface CheckContext {
  /** Names the constraint in errors. */
  readonly place: string;
  readonly detect: (text: string) => DetectedLanguage;
}

type Check<K extends ConstraintKind> = (
  text: string,
  constraint: ConstraintOf<K>,
  context: CheckContext,
) => Finding;

const CHECKS: { readonly [K in ConstraintKind]: Check<K> } = {
  words: (text, bounds) => within(wordsIn(text).length, bounds),
  sentences: (text, bounds) => within(sentencesIn(text).length, bounds),
  paragraphs: (text, { separator = "blank-line", ...bounds }) =>
    within(paragraphsIn(text, separator).length, bounds),
  characters: (text, bounds) => within([...text].length, bounds),
  "paragraph-start": (text, { paragraph, of, word }) => {
    const paragraphs = paragraphsIn(text, "blank-line");
    const [first = ""] = lowerWordsIn(paragraphs[paragraph - 1] ?? "");
    const isCount = of === undefined || paragraphs.length === of;
    return finding(isCount && first === word.toLowerCase(), {
      paragraphs: paragraphs.length,
      word: excerpt(first),
    });
  },
  bullets: (text, bounds) =>
    within(text.match(/^[^\S\n]*(?:[*•-](?!\*)(?!-)[^\S\n]*\S)/gm)?.length ?? 0, bounds),
  highlights: (text, bounds) => within(highlightsIn(text), bounds),
  placeholders: (text, bounds) => within(text.match(/\[[^[\]\n]{1,200}\]/g)?.length ?? 0, bounds),
  sections: (text, { marker, ...bounds }) => within(sectionsIn(text, marker), bounds),
  title: (text) => {
    const title = /<<([^<>\n]{1,500})>>/.exec(text)?.[1]?.trim() ?? "";
    return finding(title !== "", excerpt(title));
  },
  postscript: (text, { marker }) => {
    const lines = text.split("\n").map((line) => line.trim().toLowerCase().replace(/\.\s+/g, "."));
    const sought = marker.trim().toLowerCase().replace(/\.\s+/g, ".");
    const line = lines.find((start) => start.startsWith(sought));
    return finding(line !== undefined, excerpt(line ?? ""));
  },
  "two-responses": (text) => {
    const parts = text.split("******").map((part) => part.trim());
    const responses = parts.filter((part) => part !== "");
    const isTwo = responses.length === 2 && responses[0] !== responses[1];
    return finding(isTwo && parts.slice(1, -1).every((part) => part !== ""), responses.length);
  },
  quotation: (text) => {
    const trimmed = text.trim();
    const isQuoted = trimmed.length > 1 && trimmed.startsWith('"') && trimmed.endsWith('"');
    return finding(isQuoted, excerpt(`${trimmed.slice(0, 10)} ... ${trimmed.slice(-10)}`));
  },
  "no-commas": (text) => within(occurrences(text, ","), { atMost: 0 }),
  json: checkJson,
  "json-schema": (text, { schema }, { place }) => checkJsonSchema(text, schema, `${place}.schema`),
  keywords: (text, { words }) => {
    const missing = words.filter((word) => wordOccurrences(text, word) === 0);
    return finding(missing.length === 0, { missing });
  },
  "keyword-frequency": (text, { word, ...bounds }) => within(wordOccurrences(text, word), bounds),
  "forbidden-words": (text, { words }) => {
    const present = words.filter((word) => wordOccurrences(text, word) > 0);
    return finding(present.length === 0, { present });
  },
  "letter-frequency": (text, { letter, ...bounds }) =>
    within(occurrences(text.toLowerCase(), letter.toLowerCase()), bounds),
  start: (text, { phrase }) => {
    const start = text.trimStart().slice(0, phrase.trim().length);
    return finding(start.toLowerCase() === phrase.trim().toLowerCase(), excerpt(start));
  },
  end: (text, { phrase }) => {
    const trimmed = text.trim().replace(/^"|"$/g, "").trimEnd();
    const end = trimmed.slice(-phrase.trim().length);
    return finding(end.toLowerCase() === phrase.trim().toLowerCase(), excerpt(end));
  },
  "one-of": (text, { phrases }) => {
    const chosen = phrases.find((phrase) => text.includes(phrase.trim()));
    return finding(chosen !== undefined, excerpt(chosen ?? ""));
  },
  pattern: (text, { pattern, isForbidden = false }, { place }) => {
    const isFound = linearPattern(pattern, place).matcher(text).find();
    return finding(isFound !== isForbidden, isFound ? "found" : "not found");
  },
  uppercase: (text) => inCase(text, "toUpperCase"),
  lowercase: (text) => inCase(text, "toLowerCase"),
  "capital-words": (text, bounds) =>
    within(
      wordsIn(text).filter((word) => word === word.toUpperCase() && /\p{Lu}/u.test(word)).length,
      bounds,
    ),
  language: (text, { language }, { detect }) => {
    const detected = detect(text);
    return finding(detected.isLanguage(language), detected.language);
  },
};

/** Runs of *text* and **text** with something in them. */
function highlightsIn(text: string): number {
  const double = text.match(/\*\*[^\n*]{1,2000}\*\*/g) ?? [];
  const single = text.replace(/\*\*[^\n*]{1,2000}\*\*/g, " ").match(/\*[^\n*]{1,2000}\*/g) ?? [];
  return [...double, ...single].filter((run) => run.replace(/\*/g, "").trim() !== "").length;
}

/** "Section 1", "SECTION II": the marker and a number after it, at the start of a line or sentence. */
function sectionsIn(text: string, marker: string): number {
  const [inside, sought] = [text.toLowerCase(), marker.trim().toLowerCase()];
  let found = 0;
  for (let at = inside.indexOf(sought); at >= 0; at = inside.indexOf(sought, at + sought.length)) {
    if (
      /^[^\S\n]*(?:\d+|[ivxlc]+)(?![\p{L}\d])/u.test(
        inside.slice(at + sought.length, at + sought.length + 20),
      )
    )
      found++;
  }
  return found;
}

function inCase(text: string, change: "toUpperCase" | "toLowerCase"): Finding {
  const other = [...text].find((character) => character !== character[change]());
  return finding(
    other === undefined && /\p{L}/u.test(text),
    other === undefined ? "" : `the letter ${other}`,
  );
}

function linearPattern(pattern: string, place: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    throw new TuttiError(
      "JUDGE_INVALID",
      `${place}.pattern: ${messageOf(cause)}, expected an RE2 expression`,
      {
        hint: "RE2 has no back references and no look-around; its time is linear in exchange",
        cause,
      },
    );
  }
}

/** Checks one constraint over a text. @throws {TuttiError} JUDGE_INVALID where the constraint is wrong in itself */
export function checkConstraint(text: string, constraint: Constraint, context: CheckContext): Finding {
  const check = CHECKS[constraint.kind] as (
    text: string,
    constraint: Constraint,
    context: CheckContext,
  ) => Finding;
  return check(text, constraint, context);
}

/** The texts that loose scoring tries: without the first line, the last line or both, and all those without stars. */
export function looseVariants(text: string): readonly string[] {
  const lines = text.split("\n");
  const cuts = [text, lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((part) =>
    typeof part === "string" ? part : part.join("\n").trim(),
  );
  return [...new Set([...cuts, ...cuts.map((part) => part.replaceAll("*", ""))])];
}
