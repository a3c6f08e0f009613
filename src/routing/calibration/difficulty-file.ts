/** `difficulty.json` of a router folder and its binary: the fitted {@link DifficultyModel}. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadBundle, saveBundle } from "../bundle.ts";
import { type Embedder, requireEmbedder } from "../embedding/index.ts";
import { DifficultyModel, difficultyHeaderSchema } from "./difficulty.ts";

const NAME = "difficulty";
const FORMAT = "tutti-difficulty";

/** @throws {TuttiError} FILE_WRITE_FAILED */
export function saveDifficulty(folder: string, model: DifficultyModel): void {
  saveBundle(folder, NAME, FORMAT, model.toContent());
}

/**
 * Reads what {@link saveDifficulty} wrote; undefined when the folder has none.
 *
 * @param embedder - the one that the model was trained with
 * @throws {TuttiError} ROUTER_INVALID naming file and field, also for another embedder
 */
export function loadDifficulty(folder: string, embedder: Embedder | undefined): DifficultyModel | undefined {
  if (!existsSync(join(folder, `${NAME}.json`))) return undefined;
  const { path, header, arrays } = loadBundle(folder, NAME, FORMAT, difficultyHeaderSchema);
  return DifficultyModel.fromContent(header, arrays, requireEmbedder(path, header.embedder, embedder));
}
