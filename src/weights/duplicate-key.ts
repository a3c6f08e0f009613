/** Repeated keys in JSON, which `JSON.parse` lets pass: the last one silently wins. */

/**
 * The first key that occurs twice in one object, or undefined.
 *
 * @param json text that `JSON.parse` accepts
 */
export function firstDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  // Strings first, so that braces inside them are not taken for structure; a key is a string before a colon.
  for (const [token, , colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, token.length - colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
