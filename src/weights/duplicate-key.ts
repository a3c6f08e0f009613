/** Repeated keys in JSON, which `JSON.parse` lets pass: the last one silently wins. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const NOT_WHITE_SPACE = /[^ \t\n\r]/g;

/** The place after the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Whether a colon comes next, so that the string before it was a key. */
function isColonNext(json: string, at: number): boolean {
  NOT_WHITE_SPACE.lastIndex = at;
  return NOT_WHITE_SPACE.exec(json)?.[0] === ":";
}

/**
 * The first key that occurs twice in one object, or undefined.
 *
 * @param json text that `JSON.parse` accepts; read by a loop, since a pattern runs out of stack on strings of megabytes
 */
export function firstDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === OPEN) open.push(new Set());
    else if (code === CLOSE) open.pop();
    else if (code === QUOTE) {
      const end = endOfString(json, at);
      if (isColonNext(json, end)) {
        const key = JSON.parse(json.slice(at, end)) as string;
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}
