/** Results of examples: computed once and then read back, so that one that was stopped goes on; and put into pages. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { TuttiError } from "../src/support/errors.ts";
import { hashFile } from "../src/support/hash-file.ts";

/** @param path a JSON file, written whole or not at all */
export async function kept<T>(path: string, compute: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const made = await compute();
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, `${JSON.stringify(made)}\n`);
  return made;
}

/**
 * Makes a folder that of one experiment: what is read back from it was made from the same.
 *
 * @param identity everything that results in the folder depend on, as JSON
 * @throws {TuttiError} CHECKPOINT_MISMATCH naming what differs when the folder is that of another experiment
 */
export function claimFolder(folder: string, identity: Readonly<Record<string, unknown>>): void {
  const path = join(folder, "identity.json");
  const wanted = JSON.parse(JSON.stringify(identity)) as Record<string, unknown>;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileAtomic(path, `${JSON.stringify(wanted, null, 1)}\n`);
    return;
  }
  const found = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  const other = [...new Set([...Object.keys(found), ...Object.keys(wanted)])].filter(
    (name) => !isDeepStrictEqual(found[name], wanted[name]),
  );
  if (other.length === 0) return;
  throw new TuttiError("CHECKPOINT_MISMATCH", `${folder} was begun with other ${other.join(", ")}`, {
    details: { found, wanted },
    hint: "give another --out, or the same data and options",
  });
}

/** Digests of files, for the identity of an experiment. */
export const digestsOf = (paths: readonly string[]): Promise<string[]> =>
  Promise.all(paths.map((path) => hashFile(path, createHash("sha256"))));

const BEGIN = "<!-- figures -->";
const END = "<!-- end of figures -->";

/** Puts figures between the two marks of a page of documentation. */
export function writeFigures(path: string, figures: string): void {
  const page = readFileSync(path, "utf8");
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} lacks ${BEGIN} and ${END}`);
  writeFileAtomic(path, `${page.slice(0, begin + BEGIN.length)}\n\n${figures.trim()}\n\n${page.slice(end)}`);
}
