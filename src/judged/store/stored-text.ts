/**
 * Text as databases can keep it. Neither database holds every JavaScript string: U+0000 ends or forbids text, and halves of
 * surrogate pairs have no UTF-8. Such characters are written as U+0010 (data link escape) and four hexadecimal digits.
 */

const ESCAPE = "\u0010";

const UNSTORABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
  /[\u0000\u0010]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character
const ESCAPED = /\u0010([0-9a-f]{4})/g;

export function toStoredText(text: string): string {
  return text.replace(
    UNSTORABLE,
    (character) => `${ESCAPE}${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function fromStoredText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replace(ESCAPED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
