/** Brings the many ways of writing an answer to one: spacing, dollars, Unicode signs, LaTeX synonyms. Pure text. */

const UNICODE: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "—": "-",
  "‐": "-",
  "‑": "-",
  "×": "\\times ",
  "⋅": "\\cdot ",
  "·": "\\cdot ",
  "∙": "\\cdot ",
  "÷": "\\div ",
  "∕": "/",
  "⁄": "/",
  "±": "\\pm ",
  "∓": "\\mp ",
  "≤": "\\le ",
  "⩽": "\\le ",
  "≥": "\\ge ",
  "⩾": "\\ge ",
  "≠": "\\ne ",
  "≈": "\\approx ",
  "∞": "\\infty ",
  "∪": "\\cup ",
  "∩": "\\cap ",
  "∖": "\\setminus ",
  "∈": "\\in ",
  "∅": "\\emptyset ",
  "√": "\\sqrt ",
  "°": "^\\circ ",
  º: "^\\circ ",
  π: "\\pi ",
  α: "\\alpha ",
  β: "\\beta ",
  γ: "\\gamma ",
  θ: "\\theta ",
  λ: "\\lambda ",
  φ: "\\phi ",
  ω: "\\omega ",
  ℝ: "\\mathbb{R}",
  "⟨": "\\langle ",
  "⟩": "\\rangle ",
  "½": "\\frac{1}{2}",
  "⅓": "\\frac{1}{3}",
  "⅔": "\\frac{2}{3}",
  "¼": "\\frac{1}{4}",
  "¾": "\\frac{3}{4}",
  "⅕": "\\frac{1}{5}",
  "⅛": "\\frac{1}{8}",
  "，": ",",
  "：": ":",
  "；": ";",
  "（": "(",
  "）": ")",
  "％": "%",
  "’": "'",
  "‘": "'",
  "“": '"',
  "”": '"',
  "€": "",
  "£": "",
  "¥": "",
  "₹": "",
};
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** Commands that only set size, style or space. */
const SILENT_COMMANDS =
  /\\(?:displaystyle|textstyle|scriptstyle|limits|left|right|middle|bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|big|Big|bigg|Bigg|quad|qquad|thinspace|medspace|thickspace|negthinspace|enspace|enskip|hfill|nobreak|allowbreak|normalsize|large|Large|centering|rm|bf|it|cal|dollar)(?![A-Za-z])/g;
const SPACES =
  /\\[,;:!> ]|~|[\u00a0\u2000-\u200b\u202f\u2060\ufeff]|\\(?:[hv]space|[hv]skip|phantom)\*?\{[^{}]{0,20}\}/g;
const SYNONYMS: readonly (readonly [RegExp, string])[] = [
  [/\\[dtc]frac(?![A-Za-z])/g, "\\frac"],
  [/\\[dt]binom(?![A-Za-z])/g, "\\binom"],
  [/\\(?:leq|leqslant)(?![A-Za-z])/g, "\\le"],
  [/\\(?:geq|geqslant)(?![A-Za-z])/g, "\\ge"],
  [/\\neq(?![A-Za-z])/g, "\\ne"],
  [/\\lt(?![A-Za-z])/g, "<"],
  [/\\gt(?![A-Za-z])/g, ">"],
  [/\\(?:varnothing|empty)(?![A-Za-z])/g, "\\emptyset"],
  [/\\(?:lbrace)(?![A-Za-z])/g, "\\{"],
  [/\\(?:rbrace)(?![A-Za-z])/g, "\\}"],
  [/\\lbrack(?![A-Za-z])/g, "["],
  [/\\rbrack(?![A-Za-z])/g, "]"],
  [/\\(?:lvert|rvert|vert|mid)(?![A-Za-z])/g, "|"],
  [/\\(?:degree|degrees)(?![A-Za-z])/g, "^\\circ"],
  [/\\(?:ast|star)(?![A-Za-z])/g, "*"],
  [/\\(?:land|wedge)(?![A-Za-z])/g, "\\text{ and }"],
  [/\\(?:lor|vee)(?![A-Za-z])/g, "\\text{ or }"],
  [/\\backslash(?![A-Za-z])/g, "\\setminus"],
  [/\\(?:simeq|cong)(?![A-Za-z])/g, "\\approx"],
  [/\\(?:ldots|dots|cdots)(?![A-Za-z])/g, "..."],
  [/\\(?:colon)(?![A-Za-z])/g, ":"],
  [/\\'/g, "'"],
];

/** A comma that separates thousands: \, and {,} and spaces of LaTeX between groups of three digits. */
const BRACED_COMMA = /(\d)\s*(?:\{,\}|\\!,|,\\!|,\{\}|\{,\}\\!)\s*(?:\\!)?\s*(?=\d{3}(?!\d))/g;
const SPACED_THOUSANDS = /(?<![\d.,])(\d{1,3}(?:(?:\\,|\\ |\\;|\\:|[\u00a0\u2009\u202f])\d{3})+)(?![\d])/g;

function signsReplaced(text: string): string {
  return text.replace(/[^\t-~]/g, (character) => {
    const known = UNICODE[character];
    if (known !== undefined) return known;
    const raised = SUPERSCRIPTS.indexOf(character);
    if (raised >= 0) return `^{${raised}}`;
    const lowered = SUBSCRIPTS.indexOf(character);
    return lowered >= 0 ? `_{${lowered}}` : character;
  });
}

/**
 * The answer in one spelling: no dollar signs, style commands or outer punctuation, synonyms replaced, Unicode signs as
 * LaTeX. Words stay as they are.
 */
export function normalisedAnswer(answer: string): string {
  let text = answer
    .replace(SPACED_THOUSANDS, (digits) => digits.replace(/\D/g, ""))
    .replace(/[\u2009]/g, " ");
  text = signsReplaced(text)
    .replace(/\\\\(?:\s*\[[^\]]{0,12}\])?/g, "\\newline ")
    .replace(BRACED_COMMA, "$1,")
    .replace(/\\\[|\\\]|\\\(|\\\)/g, " ")
    .replace(SILENT_COMMANDS, " ")
    .replace(/\\newline\s*$/g, " ")
    .replace(SPACES, (space) => (space === "\\!" ? "" : " "));
  for (const [pattern, replacement] of SYNONYMS) text = text.replace(pattern, () => replacement);
  text = text
    .replace(/\\?\$/g, " ")
    .replace(/\\%/g, "%")
    .replace(/\\([#&_])/g, (whole, sign: string) => (sign === "_" ? "_" : whole))
    .replace(/\*\*(?=[^*]*$)|^\s*\*\*|\*\*\s*$/g, (stars, place: number, whole: string) =>
      place === 0 || place + stars.length === whole.length ? " " : stars,
    )
    .replace(/\s+/g, " ")
    .trim();
  return text.replace(/(?:\s*[.,;:])+$/, "").trim();
}

/** Words without case, punctuation, LaTeX faces and articles, for comparing answers that are no mathematics. */
export function wordsOf(text: string): string {
  return text
    .replace(/\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname)\s*(?=\{)/g, " ")
    .replace(/[{}$*"'`]/g, " ")
    .toLowerCase()
    .replace(/[.,;:?]+(?=\s|$)/g, " ")
    .replace(/\b(?:the|an?)(?= [a-z]{2})/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
