/** Figures of a page as one SVG file that stands by itself. */
import { COLOURS, MARKS } from "./style.ts";
import { escapeHtml, pixel, text } from "./svg.ts";

export interface Figure {
  readonly heading: string;
  /** As the plots of this folder draw it. */
  readonly svg: string;
}

const HEADING = 30;
const GAP = 18;

/** The figures one below the other, each under its heading, with the colours that pages draw them in. */
export function standaloneSvg(title: string, figures: readonly Figure[]): string {
  let y = 0;
  let width = 0;
  const parts = figures.map(({ heading, svg }) => {
    const [, wide, high] = /^<svg viewBox="0 0 ([0-9.]+) ([0-9.]+)"/.exec(svg) ?? [];
    const top = y + HEADING;
    y = top + Number(high) + GAP;
    width = Math.max(width, Number(wide));
    const placed = svg.replace("<svg ", `<svg y="${pixel(top)}" width="${wide}" height="${high}" `);
    return text(0, top - 14, heading, 'class="heading"') + placed;
  });
  const style = `${COLOURS}\n${MARKS}\ntext{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}svg text.heading{font-size:16px;font-weight:600}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${pixel(y)}" role="img"><title>${escapeHtml(title)}</title><style>${style}</style>${parts.join("")}</svg>\n`;
}
