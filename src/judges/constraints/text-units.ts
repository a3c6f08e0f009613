/** Words, sentences and paragraphs of a text. Pure. */

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
/** After these a full stop ends no sentence. */
const ABBREVIATION =
  /(?:\b(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|inc|ltd|no|vol|fig|dept|approx|e\.g|i\.e)|\b[A-Z])\.\s*$/i;
/** Ends of sentences: marks before a space or the end, Chinese and Japanese ones anywhere. */
const SENTENCE_END = /[.!?…]["'”’)\]*_]{0,4}(?=\s|$)|[。！？]/g;

/** Runs of letters, digits and underscores, as IFEval counts them: "don't" is two. */
export const wordsIn = (text: string): readonly string[] => text.match(WORD) ?? [];

export const lowerWordsIn = (text: string): readonly string[] => wordsIn(text.toLowerCase());

/** Sentences by their closing marks, except after common abbreviations; a last one needs no mark. */
export function sentencesIn(text: string): readonly string[] {
  const sentences: string[] = [];
  let start = 0;
  const close = (end: number): void => {
    const sentence = text.slice(start, end).trim();
    if (/[\p{L}\p{N}]/u.test(sentence)) sentences.push(sentence);
    start = end;
  };
  for (const { index, 0: mark } of text.matchAll(SENTENCE_END)) {
    const end = index + mark.length;
    if (!ABBREVIATION.test(text.slice(Math.max(start, end - 20), end))) close(end);
  }
  close(text.length);
  return sentences;
}

/** Parts between blank lines, or between *** (IFEval's divider), without empty ones. */
export function paragraphsIn(text: string, separator: "blank-line" | "stars"): readonly string[] {
  const parts = separator === "stars" ? text.split(/\s?\*\*\*\s?/) : text.split(/\n[^\S\n]*\n/);
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** How often one text occurs in another, not overlapping. */
export function occurrences(text: string, part: string): number {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++;
  return found;
}

const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{M}\p{N}_]/u.test(character);

/** How often a word or phrase stands in a text by itself, without regard to case. */
export function wordOccurrences(text: string, word: string): number {
  const [inside, sought] = [text.toLowerCase(), word.toLowerCase()];
  let found = 0;
  for (let at = inside.indexOf(sought); at >= 0; at = inside.indexOf(sought, at + 1)) {
    const isWhole = !isWordCharacter(inside[at - 1]) || !isWordCharacter(sought[0]);
    const end = at + sought.length;
    if (isWhole && (!isWordCharacter(inside[end]) || !isWordCharacter(sought.at(-1)))) found++;
  }
  return found;
}
