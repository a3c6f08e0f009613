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

/** A label cut to fit; its full text is in a tooltip. */
export function clipped(content: string, characters: number): string {
  return content.length > characters ? `${content.slice(0, characters - 1)}…` : content;
}
