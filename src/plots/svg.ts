/** Small pure helpers for plots as SVG text: escaping, linear scales, ticks. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls, line and paragraph separators, overrides and isolates of direction, halves of pairs, non-characters. */
const UNPRINTABLE =
  /[^\P{Cc}\t\n\r]|[\p{Zl}\p{Zp}\p{Cs}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fffe}\u{ffff}]/gu;

/**
 * Makes any text safe inside HTML and SVG, attributes included. Characters that do not print or that
 * turn the direction of text are shown as replacement characters, so that a prompt cannot disguise or reorder what stands beside it.
 */
export function escapeHtml(text: string): string {
  return text.replaceAll(UNPRINTABLE, "\ufffd").replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

export interface LinearScale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** Maps [low, high] to [start, end] in pixels; ticks are round numbers inside. */
export function linearScale(low: number, high: number, start: number, end: number): LinearScale {
  const span = high > low ? high - low : 1;
  const scale = (value: number): number => start + ((value - low) / span) * (end - start);
  const step = niceStep(span / 5);
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step); tick * step <= high + 1e-9; tick++)
    ticks.push(Number((tick * step).toPrecision(12)));
  return Object.assign(scale, { ticks });
}

/** The same on a logarithmic axis, for positive values; ticks are 1, 2 and 5 times powers of ten. */
export function logScale(low: number, high: number, start: number, end: number): LinearScale {
  const [from, to] = [Math.log10(low), Math.log10(high > low ? high : low * 10)];
  const scale = (value: number): number => start + ((Math.log10(value) - from) / (to - from)) * (end - start);
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power++) {
    for (const factor of [1, 2, 5]) {
      const tick = Number((factor * 10 ** power).toPrecision(6));
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return Object.assign(scale, { ticks });
}

/** The smallest of 1, 2, 5 x 10^k that is at least `step`. */
function niceStep(step: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(step));
  return magnitude * ([1, 2, 5, 10].find((factor) => factor * magnitude >= step - 1e-12) ?? 10);
}

export const pixel = (value: number): string => value.toFixed(1);

/** A number for reading: a true minus sign, and a dash where there is no number. */
export function shown(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const rounded = Math.abs(value).toFixed(digits);
  return value < 0 && Number(rounded) !== 0 ? `−${rounded}` : rounded;
}

/** Tells usable numbers from those that JSON carries as null. */
export const isNumber = (value: number | null | undefined): value is number =>
  typeof value === "number" && Number.isFinite(value);

/** With its sign, as differences are read. */
export const signed = (value: number | null | undefined, digits = 1): string =>
  isNumber(value) && Number(value.toFixed(digits)) > 0 ? `+${shown(value, digits)}` : shown(value, digits);

/** Dollars to three digits, or to whole cents from ten cents on. */
export const dollars = (value: number): string =>
  `$${value >= 0.1 ? value.toFixed(2) : plain(Number(value.toPrecision(2)))}`;

/** Without an exponent, which small costs would be written with. */
const plain = (value: number): string =>
  value === 0 || value >= 1e-6 ? String(value) : value.toFixed(10).replace(/0+$/, "");

export function shownInterval(interval: readonly [number, number], digits = 1): string {
  return `[${shown(interval[0], digits)}, ${shown(interval[1], digits)}]`;
}

export function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${pixel(x)}" y="${pixel(y)}" ${attributes}>${escapeHtml(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, className: string): string {
  return `<line x1="${pixel(x1)}" y1="${pixel(y1)}" x2="${pixel(x2)}" y2="${pixel(y2)}" class="${className}"/>`;
}

/** A figure with an accessible title. */
export function svg(width: number, height: number, title: string, body: string): string {
  return `<svg viewBox="0 0 ${width} ${pixel(height)}" role="img" aria-label="${escapeHtml(title)}"><title>${escapeHtml(title)}</title>${body}</svg>`;
}

/** A label cut in its middle, since model names differ at both ends; the full text belongs in a tooltip. */
export function clipped(content: string, characters: number): string {
  const letters = [...content];
  if (letters.length <= characters) return content;
  const head = Math.ceil((characters - 1) / 2);
  const tail = characters - 1 - head;
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - tail).join("")}`;
}
