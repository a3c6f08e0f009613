/** Splits a normalised answer, LaTeX or plain, into tokens. One pass; time grows with the length only. */

export type Token =
  | { readonly kind: "number"; readonly text: string; readonly spaceBefore: boolean }
  | { readonly kind: "variable"; readonly text: string; readonly spaceBefore: boolean }
  /** A LaTeX command without its backslash, or a function name written plainly. */
  | { readonly kind: "command"; readonly text: string; readonly spaceBefore: boolean }
  /** Words: the content of \text{...}, or a run of letters that is no product of variables. */
  | { readonly kind: "text"; readonly text: string; readonly spaceBefore: boolean }
  | { readonly kind: "symbol"; readonly text: string; readonly spaceBefore: boolean };

/** How a comma between digits is read: 12,345 as one number, or as the two of a list. */
export type CommaReading = "thousands" | "list";

const PLAIN_FUNCTIONS = new Set(
  "sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp abs gcd lcm max min det binom frac".split(
    " ",
  ),
);
const PLAIN_CONSTANTS = new Set(["pi", "infinity", "infty", "inf", "theta", "alpha", "beta", "sqrt"]);
const TEXT_COMMANDS = new Set(
  "text textbf textit textrm textsf texttt mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mbox hbox operatorname emph boldsymbol bm pmb bold".split(
    " ",
  ),
);
const TWO_LETTER_UNITS = new Set(
  "cm mm km kg mg ml mL ft in mi lb oz hr am pm AM PM or to of is at by no st nd rd th".split(" "),
);

/** The place after the brace that closes the one at `open`, or the end. */
export function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return at;
  }
  return text.length;
}

/** abc and xyz are products; other runs of three letters and more are words. */
function isWord(run: string): boolean {
  if (run.length === 1) return false;
  if (run.length === 2) return TWO_LETTER_UNITS.has(run);
  for (let at = 1; at < run.length; at++) if (run[at]! <= run[at - 1]!) return true;
  return false;
}

/** Whether the content of \mathrm{...} and its like is words rather than mathematics. */
function isWords(content: string): boolean {
  return /[A-Za-z]{2}|^\s*[,;]?\s*$|^\([A-Za-z]\)/.test(content) && !/[\\^_+=]/.test(content);
}

export function tokenize(source: string, commas: CommaReading): readonly Token[] {
  const tokens: Token[] = [];
  const number =
    commas === "thousands"
      ? /\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.?\d*(?:[eE][+-]?\d{1,4}(?![\d.]))?|\.\d+/y
      : /\d+\.?\d*(?:[eE][+-]?\d{1,4}(?![\d.]))?|\.\d+/y;
  const letters = /[A-Za-z]+/y;
  const command = /\\([A-Za-z]+|.)/y;
  let text = source;
  let at = 0;
  let spaceBefore = false;
  const push = (kind: Token["kind"], value: string): void => {
    tokens.push({ kind, text: value, spaceBefore });
    spaceBefore = false;
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (at < text.length) {
    const character = text[at]!;
    if (/\s/.test(character)) {
      spaceBefore = true;
      at++;
      continue;
    }
    if (/[\d.]/.test(character)) {
      const found = match(number);
      if (found) {
        push("number", found[0].replace(/,/g, ""));
        continue;
      }
    }
    if (character === "\\") {
      const name = match(command)?.[1] ?? "";
      if (name === "") at++;
      else if (TEXT_COMMANDS.has(name)) {
        while (text[at] === " ") at++;
        if (text[at] !== "{") continue;
        const end = closingBrace(text, at);
        const content = text.slice(at + 1, end);
        if (isWords(content)) {
          push("text", content);
          at = Math.min(end + 1, text.length);
        } else {
          // Mathematics in another face: read on inside, in the same text without this pair of braces.
          text = `${text.slice(0, at)} ${content} ${text.slice(end + 1)}`;
        }
      } else push(/^[A-Za-z]/.test(name) ? "command" : "symbol", /^[A-Za-z]/.test(name) ? name : `\\${name}`);
      continue;
    }
    if (/[A-Za-z]/.test(character)) {
      const run = match(letters)![0];
      const lower = run.toLowerCase();
      if (PLAIN_FUNCTIONS.has(lower) || PLAIN_CONSTANTS.has(lower)) push("command", lower);
      else if (isWord(run)) push("text", run);
      else for (const letter of run) push("variable", letter);
      continue;
    }
    const symbol = /<=|>=|!=|==|\*\*/y;
    const long = match(symbol)?.[0];
    if (long !== undefined) push("symbol", long);
    else {
      const [whole] = String.fromCodePoint(text.codePointAt(at)!);
      push("symbol", whole!);
      at++;
    }
  }
  return tokens;
}
