/** One dataset out of files that judge different models on the same prompts. */
import { TuttiError } from "../support/errors.ts";
import type { JudgedDataset } from "./collect.ts";
import { readJudgedRecords } from "./read.ts";
import { type JudgedRecord, promptText } from "./record.ts";

/**
 * Reads every file by itself, joins the candidates of rows with the same id, and keeps the rows that then hold all of
 * `needed`, in order of first appearance.
 *
 * @throws {TuttiError} as {@link readJudgedRecords} does; DATASET_INVALID when two rows of an id have different prompts
 *   or both judge a needed candidate, or when no row holds them all
 */
export async function joinJudgedFiles(
  paths: readonly string[],
  needed: readonly string[],
): Promise<JudgedDataset> {
  const joined = new Map<string, JudgedRecord>();
  const judgedRows = new Map(needed.map((name) => [name, 0]));
  for (const path of paths) {
    for (const record of (await readJudgedRecords([path])).records) {
      for (const name of Object.keys(record.candidates))
        judgedRows.set(name, (judgedRows.get(name) ?? 0) + 1);
      const known = joined.get(record.id);
      joined.set(record.id, known === undefined ? record : join(known, record, path, needed));
    }
  }
  const records = [...joined.values()].filter((record) =>
    needed.every((name) => Object.hasOwn(record.candidates, name)),
  );
  if (records.length === 0) {
    const counts = needed.map((name) => `${name} on ${judgedRows.get(name)}`).join(", ");
    throw new TuttiError("DATASET_INVALID", `no prompt has answers of all candidates: ${counts} prompts`, {
      details: { files: paths, needed },
      hint: "name files with the answers of every candidate to the same prompts; rows are joined by their id",
    });
  }
  return { records, candidates: needed };
}

function join(
  first: JudgedRecord,
  second: JudgedRecord,
  path: string,
  needed: readonly string[],
): JudgedRecord {
  const twice = needed.find(
    (name) => Object.hasOwn(first.candidates, name) && Object.hasOwn(second.candidates, name),
  );
  const problem =
    promptText(first.prompt) !== promptText(second.prompt)
      ? "with another prompt"
      : twice && `with a second answer of ${twice}`;
  if (problem) {
    throw new TuttiError(
      "DATASET_INVALID",
      `${path}: id ${JSON.stringify(first.id)} comes again ${problem}`,
      {
        details: { file: path, id: first.id },
        hint: "give the same id to the same prompt only, and every model's answers once",
      },
    );
  }
  return { ...second, ...first, candidates: { ...first.candidates, ...second.candidates } };
}
