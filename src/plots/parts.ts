/** What the sections of a page are made of: headings, tables, figures, legends, grids of small plots. */
import { escapeHtml } from "./svg.ts";

/** Part of the address of a section: `Where does it win?` is at `#where-does-it-win`. */
export const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** @param body escaped HTML */
export const section = (title: string, lead: string, body: string): string =>
  `<section id="${anchor(title)}"><h2>${escapeHtml(title)}</h2><p class="soft">${escapeHtml(lead)}</p>${body}</section>`;

export interface DataTable {
  readonly heads: readonly string[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly string[])[];
}

export function dataTable({ heads, rows }: DataTable): string {
  const head = heads.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
  const body = rows.map(
    ([name, ...cells]) =>
      `<tr><th scope="row">${escapeHtml(name ?? "")}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

/** The same numbers for readers who cannot or would not read a plot. */
export const numbersOf = (table: DataTable): string =>
  `<details class="numbers"><summary>The numbers as a table</summary>${dataTable(table)}</details>`;

export const figure = (plot: string, table?: DataTable): string =>
  `<figure>${plot}</figure>${table ? numbersOf(table) : ""}`;

export interface LegendEntry {
  /** Class of the mark, one of `m0` to `m9` or a class of its own. */
  readonly mark: string;
  readonly label: string;
}

export function legend(entries: readonly LegendEntry[]): string {
  const items = entries.map(
    ({ mark, label }) =>
      `<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" class="${mark}"/></svg>${escapeHtml(label)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

export interface Cell {
  /** Escaped. */
  readonly heading: string;
  readonly plot: string;
}

/** Cells beyond these are folded in. */
const OPEN_CELLS = 8;

export function grid(cells: readonly Cell[]): string {
  const items = cells.map(({ heading, plot }, index) =>
    cells.length <= OPEN_CELLS
      ? `<div class="cell"><h3>${heading}</h3>${plot}</div>`
      : `<details class="cell"${index < OPEN_CELLS ? " open" : ""}><summary><h3>${heading}</h3></summary>${plot}</details>`,
  );
  return `<div class="grid-2">${items.join("")}</div>`;
}
