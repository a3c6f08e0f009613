/** Features of an answer's form, which judges like whatever it says: length and markdown. */

/** What is counted in a text. */
export const STYLE_FEATURES = ["length", "headers", "bold", "lists"] as const;
export type StyleFeature = (typeof STYLE_FEATURES)[number];
export type Style = Readonly<Record<StyleFeature, number>>;

const CODE_BLOCK = /^(```|~~~)[^\n]*\n[\s\S]*?(?:^\1|(?![\s\S]))/gm;

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/**
 * Characters of the text, and outside of fenced code: headers of any level, bold spans, items of ordered and unordered lists.
 *
 * @param length in another unit, such as tokens
 */
export function styleOf(text: string, length: number = [...text].length): Style {
  const prose = text.replaceAll(CODE_BLOCK, "");
  return {
    length,
    headers: countOf(prose, /^ {0,3}#{1,6}\s/gm),
    bold: countOf(prose, /\*\*[^*\n]+\*\*|__[^_\n]+__/g),
    lists: countOf(prose, /^\s*(?:[-*+]|\d{1,9}[.)])\s/gm),
  };
}

/**
 * Covariates of the comparisons: (a - b) / (a + b) of each feature, 0 where both are 0, divided by its root mean square. The
 * mean is not taken off, since which answer of a pair comes first means nothing.
 *
 * Source: style control of Chatbot Arena (lmsys.org, August 2024).
 *
 * @returns [pairs, features] row-major
 */
export function styleCovariates(
  pairs: readonly (readonly [Style, Style])[],
  features: readonly StyleFeature[],
): Float64Array {
  const z = new Float64Array(pairs.length * features.length);
  for (const [k, feature] of features.entries()) {
    let squares = 0;
    for (const [row, [a, b]] of pairs.entries()) {
      const sum = a[feature] + b[feature];
      const value = sum === 0 ? 0 : (a[feature] - b[feature]) / sum;
      z[row * features.length + k] = value;
      squares += value * value;
    }
    const scale = squares > 0 ? Math.sqrt(squares / pairs.length) : 1;
    for (let row = 0; row < pairs.length; row++) z[row * features.length + k]! /= scale;
  }
  return z;
}
