/** Full-text search over prompts, in the terms of each database. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { SqlDatabase } from "./database.ts";
import type { PromptRow } from "./rows.ts";
import { decodeRow, PROMPTS } from "./tables.ts";

/** Every required word or phrase must occur, no excluded one may. */
export interface SearchQuery {
  readonly required: readonly string[];
  readonly excluded: readonly string[];
}

const TERM = /(-?)(?:"([^"]*)"?|(\S+))/gu;
const WORD = /[\p{L}\p{N}]/u;

/**
 * Words, "phrases in quotes" and -excluded ones.
 *
 * @throws {TuttiError} INVALID_ARGUMENT without a word to search for
 */
export function parseSearchQuery(text: string): SearchQuery {
  const required: string[] = [];
  const excluded: string[] = [];
  for (const [, minus, phrase, word] of text.matchAll(TERM)) {
    const term = (phrase ?? word ?? "").replaceAll('"', " ").replaceAll("\u0000", " ").trim();
    if (WORD.test(term)) (minus === "-" ? excluded : required).push(term);
  }
  if (required.length > 0) return { required, excluded };
  throw new TuttiError("INVALID_ARGUMENT", `search: received ${shown(text)}, expected at least one word`, {
    hint: 'give words that must all occur, "phrases in quotes", and -words that must not',
  });
}

function sqliteQuery({ required, excluded }: SearchQuery): string {
  const quoted = required.map((term) => `"${term}"`).join(" AND ");
  return [quoted, ...excluded.map((term) => `"${term}"`)].join(" NOT ");
}

function postgresQuery({ required, excluded }: SearchQuery): string {
  return [...required.map((term) => `"${term}"`), ...excluded.map((term) => `-"${term}"`)].join(" ");
}

const COLUMNS = PROMPTS.columns.map(({ name }) => `p.${name}`).join(", ");

/** Best first; equally good ones by key. */
export async function searchPrompts(
  database: SqlDatabase,
  text: string,
  limit: number,
): Promise<readonly PromptRow[]> {
  const query = parseSearchQuery(text);
  const rows =
    database.dialect.name === "sqlite"
      ? await database.rows(
          `SELECT ${COLUMNS} FROM prompt_words w JOIN prompts p ON p.rowid = w.rowid
           WHERE prompt_words MATCH $1 ORDER BY w.rank, p.key LIMIT $2`,
          [sqliteQuery(query), limit],
        )
      : await database.rows(
          `SELECT ${COLUMNS} FROM prompts p, websearch_to_tsquery('simple', $1) q
           WHERE p.words @@ q ORDER BY ts_rank_cd(p.words, q, 1) DESC, p.key LIMIT $2`,
          [postgresQuery(query), limit],
        );
  return rows.map((row) => decodeRow(PROMPTS, row));
}
