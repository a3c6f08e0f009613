/** Objects out of what language models write when asked for JSON. */

export interface FoundObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** Whether the text had to be mended to be read. */
  readonly isRepaired: boolean;
}

/** Braces tried at most, from the end: an answer of nothing but braces must not take forever. */
const MOST_PIECES = 50;

const FENCE = /```(?:json5?|javascript|js)?\s*\n?([\s\S]*?)(?:```|$)/gi;

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Pieces that begin at a brace and end where it closes, or at the end of the text; quotes are heeded. */
function* bracedPieces(text: string): Generator<string> {
  const starts = [...text.matchAll(/\{/g)].map(({ index }) => index).slice(-MOST_PIECES);
  for (const start of starts) {
    let depth = 0;
    let quote = "";
    let end = start;
    for (; end < text.length; end++) {
      const character = text[end]!;
      if (quote !== "") {
        if (character === "\\") end++;
        else if (character === quote) quote = "";
      } else if (character === '"') quote = character;
      else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) break;
    }
    yield text.slice(start, end + 1);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const WORDS: Readonly<Record<string, string>> = {
  True: "true",
  False: "false",
  None: "null",
  undefined: "null",
  NaN: "null",
};

/** One token of almost-JSON: a quoted text, a word or number, a mark, or space. */
const TOKEN =
  /"(?:[^"\\]|\\[\s\S])*(?:"|$)|'(?:[^'\\]|\\[\s\S])*(?:'|$)|[“”][^“”]*[“”]|[A-Za-z_$][\w$]*|[^\s"'“”A-Za-z_$]|\s+/g;

/** A text of any quotes as JSON: control characters escaped, unknown escapes taken literally. */
function quotedText(token: string): string {
  const isClosed = token.length > 1 && (token.endsWith(token[0]!) || token.endsWith("”"));
  const inner = token.slice(1, isClosed ? -1 : undefined);
  const body = inner
    .replaceAll(/\\([\s\S])/g, (whole, next: string) => ('"\\/bfnrtu'.includes(next) ? whole : next))
    .replaceAll(/\\$/g, "")
    .replaceAll(/[\n\r\t]/g, (character) => ESCAPES[character]!)
    .replaceAll(/(^|[^\\])"/g, '$1\\"');
  return `"${body}"`;
}

/**
 * Mends what models get wrong most: other quotes, bare keys, Python's words, trailing commas, comments, line ends in texts, an end that is
 * missing.
 */
function mended(text: string): string {
  const bare = text.replaceAll(/(^|[\s,{[])\/\/[^\n]*/g, "$1").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const open: string[] = [];
  let out = "";
  for (const [token] of bare.matchAll(TOKEN)) {
    const [head = ""] = token;
    if (`"'“”`.includes(head)) out += quotedText(token);
    else if (/[A-Za-z_$]/.test(head)) out += wordToken(token, out);
    else if (head === "}" || head === "]") {
      out = out.replace(/,\s*$/, "");
      open.pop();
      out += token;
    } else {
      if (head === "{") open.push("}");
      if (head === "[") open.push("]");
      out += token;
    }
  }
  return out.replace(/[,:\s]+$/, "") + open.reverse().join("");
}

/** true, false, null and exponents stay; Python's words are translated; anything else is a key or a bare text. */
function wordToken(token: string, before: string): string {
  if (["true", "false", "null"].includes(token)) return token;
  if (Object.hasOwn(WORDS, token)) return WORDS[token]!;
  if (/\d$/.test(before) && /^[eE]\d*$/.test(token)) return token;
  return JSON.stringify(token);
}

/**
 * The last JSON object of a text that has one of the wanted fields, mended where it is not quite JSON: models think aloud
 * before they answer, so the last one counts. Objects in code fences are looked at first.
 */
export function findObject(text: string, wanted: readonly string[]): FoundObject | undefined {
  const fenced = [...text.matchAll(FENCE)].map(([, inner]) => inner ?? "");
  const has = (
    value: Readonly<Record<string, unknown>> | undefined,
  ): value is Readonly<Record<string, unknown>> =>
    value !== undefined && wanted.some((field) => Object.hasOwn(value, field));
  for (const source of [...fenced.reverse(), text]) {
    const pieces = [...bracedPieces(source)].reverse();
    for (const piece of pieces) {
      const value = parsed(piece);
      if (has(value)) return { value, isRepaired: false };
    }
    for (const piece of pieces) {
      const value = parsed(mended(piece));
      if (has(value)) return { value, isRepaired: true };
    }
  }
  return undefined;
}
