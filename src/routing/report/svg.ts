/** Small pure helpers for plots as SVG text: escaping, linear scales, ticks. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes any text safe inside HTML and SVG, attributes included. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
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
