/** Results of examples: computed once and then read back, so that one that was stopped goes on; and put into pages. */
import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../src/support/atomic-file.ts";

/** @param path a JSON file, written whole or not at all */
export async function kept<T>(path: string, compute: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const made = await compute();
  writeFileAtomic(path, `${JSON.stringify(made)}\n`);
  return made;
}

const BEGIN = "<!-- figures -->";
const END = "<!-- end of figures -->";

/** Puts figures between the two marks of a page of documentation. */
export function writeFigures(path: string, figures: string): void {
  const page = readFileSync(path, "utf8");
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} lacks ${BEGIN} and ${END}`);
  writeFileAtomic(path, `${page.slice(0, begin + BEGIN.length)}\n\n${figures.trim()}\n\n${page.slice(end)}`);
}
