/** `length.json` of a router folder and its binary: the fitted {@link LengthModel}. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TuttiError } from "../../support/errors.ts";
import { loadBundle, saveBundle } from "../bundle.ts";
import { type Embedder, requireEmbedder } from "../embedding/index.ts";
import { LengthModel, lengthHeaderSchema } from "./length-model.ts";

const NAME = "length";
const FORMAT = "tutti-length";

/** @throws {TuttiError} FILE_WRITE_FAILED */
export function saveLengthModel(folder: string, model: LengthModel): void {
  saveBundle(folder, NAME, FORMAT, model.toContent());
}

/**
 * Reads what {@link saveLengthModel} wrote; undefined when the folder has none.
 *
 * @param embedder - the one that the model was trained with
 * @throws {TuttiError} ROUTER_INVALID naming file and field, also for another embedder or other candidates
 */
export function loadLengthModel(
  folder: string,
  candidates: readonly string[],
  embedder: Embedder | undefined,
): LengthModel | undefined {
  if (!existsSync(join(folder, `${NAME}.json`))) return undefined;
  const { path, header, arrays } = loadBundle(folder, NAME, FORMAT, lengthHeaderSchema);
  const fail = (field: string, problem: string): TuttiError =>
    new TuttiError("ROUTER_INVALID", `${path}: header.${field} ${problem}`, {
      details: { path, field: `header.${field}` },
      hint: "train the router again, or copy its whole folder",
    });
  if (header.candidates.join("\n") !== candidates.join("\n")) {
    throw fail("candidates", `is ${header.candidates.join(", ")}, the router has ${candidates.join(", ")}`);
  }
  for (const field of ["smearing", "low", "high", "longest"] as const) {
    if (header[field].length === candidates.length) continue;
    throw fail(field, `has ${header[field].length} values, expected ${candidates.length}, one per candidate`);
  }
  return LengthModel.fromContent(header, arrays, requireEmbedder(path, header.embedder, embedder));
}
