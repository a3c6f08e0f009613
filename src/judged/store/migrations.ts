/** The schema, as steps up and down. A step that has been released never changes; what is new is a new step. */
import type { Dialect } from "./database.ts";
import { SERVED_NAMES, SERVED_SELECTOR, servedName } from "./served-answers.ts";
import { type Column, type ColumnType, REFERENCES, TABLES } from "./tables.ts";

export interface Migration {
  readonly version: number;
  readonly title: string;
  up(dialect: Dialect["name"]): readonly string[];
  down(dialect: Dialect["name"]): readonly string[];
  /** What going down takes away for good; nothing where it can be made again. */
  readonly loses?: string;
}

const TYPES: Readonly<Record<Dialect["name"], Readonly<Record<ColumnType, string>>>> = {
  sqlite: {
    text: "TEXT",
    status: "TEXT",
    json: "TEXT",
    messages: "TEXT",
    number: "REAL",
    integer: "INTEGER",
    boolean: "INTEGER",
  },
  postgres: {
    text: 'TEXT COLLATE "C"',
    status: 'TEXT COLLATE "C"',
    json: "TEXT",
    messages: "TEXT",
    number: "DOUBLE PRECISION",
    integer: "BIGINT",
    boolean: "BOOLEAN",
  },
};

function columnSql(dialect: Dialect["name"], table: string, { name, type, isNullable }: Column): string {
  const reference = REFERENCES.find((entry) => entry.table === table && entry.column === name);
  const words = [name, TYPES[dialect][type]];
  if (name === "key") words.push("PRIMARY KEY");
  if (!isNullable) words.push("NOT NULL");
  if (reference) words.push(`REFERENCES ${reference.target} (key)`);
  return words.join(" ");
}

function createTable(dialect: Dialect["name"], table: keyof typeof TABLES): string {
  const columns = TABLES[table].columns.map((column) => columnSql(dialect, table, column));
  return `CREATE TABLE ${table} (${columns.join(", ")})${dialect === "sqlite" ? " STRICT" : ""}`;
}

const INDEXES = [
  "CREATE INDEX prompts_id ON prompts (id)",
  "CREATE INDEX prompts_domain ON prompts (domain)",
  "CREATE INDEX responses_prompt ON responses (prompt_key, model)",
  "CREATE INDEX judgements_response ON judgements (response_key, judge)",
  "CREATE INDEX judgements_rival ON judgements (rival_key) WHERE rival_key IS NOT NULL",
  "CREATE INDEX selections_prompt ON selections (prompt_key)",
  "CREATE INDEX selections_response ON selections (response_key)",
  "CREATE INDEX selections_rejected ON selections (rejected_key) WHERE rejected_key IS NOT NULL",
];

const ROWS: Migration = {
  version: 1,
  title: "prompts, responses, judgements and selections",
  up: (dialect) => [
    ...(["prompts", "responses", "judgements", "selections"] as const).map((table) =>
      createTable(dialect, table),
    ),
    ...INDEXES,
  ],
  down: () => ["selections", "judgements", "responses", "prompts"].map((table) => `DROP TABLE ${table}`),
  loses: "every prompt, response, judgement and selection",
};

/**
 * Leases are milliseconds since 1970. Items keep the order in which they were added. The unique index starts with the item, which
 * tells rows apart; all rows of a table are often of one job.
 */
const WORK: Migration = {
  version: 2,
  title: "work queue",
  up: (dialect) => [
    dialect === "sqlite"
      ? "CREATE TABLE work_items (position INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, item TEXT NOT NULL, " +
        "state TEXT NOT NULL, worker TEXT, lease_until INTEGER, UNIQUE (item, job)) STRICT"
      : "CREATE TABLE work_items (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, " +
        'job TEXT COLLATE "C" NOT NULL, item TEXT COLLATE "C" NOT NULL, state TEXT NOT NULL, worker TEXT COLLATE "C", ' +
        "lease_until BIGINT, UNIQUE (item, job))",
    "CREATE INDEX work_items_waiting ON work_items (job, position) WHERE state IN ('open', 'leased')",
  ],
  down: () => ["DROP TABLE work_items"],
  loses: "the progress of unfinished jobs",
};

/** PostgreSQL keeps at most 1 MB of words a row. */
const INDEXED_CHARACTERS = 200_000;

const SQLITE_WORDS = (row: string) =>
  `INSERT INTO prompt_words (rowid, text) SELECT ${row}.rowid, group_concat(value ->> 'content', ' ') FROM json_each(${row}.messages)`;

const SQLITE_SEARCH = [
  "CREATE VIRTUAL TABLE prompt_words USING fts5(text, content = '', contentless_delete = 1)",
  `CREATE TRIGGER prompt_words_insert AFTER INSERT ON prompts BEGIN ${SQLITE_WORDS("new")}; END`,
  "CREATE TRIGGER prompt_words_delete AFTER DELETE ON prompts BEGIN DELETE FROM prompt_words WHERE rowid = old.rowid; END",
  "INSERT INTO prompt_words (rowid, text) SELECT p.rowid, (SELECT group_concat(value ->> 'content', ' ') FROM json_each(p.messages)) FROM prompts p",
];

/**
 * The words of a prompt are taken out of its JSON text by a pattern, because PostgreSQL's own JSON refuses strings with U+0000;
 * escape sequences become spaces.
 */
const POSTGRES_SEARCH = [
  `CREATE FUNCTION prompt_text(messages TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
     SELECT left(regexp_replace(string_agg(content[1], ' '), '\\\\(u[0-9a-f]{4}|.)', ' ', 'g'), ${INDEXED_CHARACTERS})
     FROM regexp_matches(messages, '"content":"((?:[^"\\\\]|\\\\.)*)"', 'g') AS content $$`,
  "ALTER TABLE prompts ADD COLUMN words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple', prompt_text(messages))) STORED",
  "CREATE INDEX prompts_words ON prompts USING gin (words)",
];

const SEARCH: Migration = {
  version: 3,
  title: "search over prompts",
  up: (dialect) => (dialect === "sqlite" ? SQLITE_SEARCH : POSTGRES_SEARCH),
  down: (dialect) =>
    dialect === "sqlite"
      ? ["DROP TRIGGER prompt_words_delete", "DROP TRIGGER prompt_words_insert", "DROP TABLE prompt_words"]
      : ["ALTER TABLE prompts DROP COLUMN words", "DROP FUNCTION prompt_text"],
};

/** What was called in the last minute; nothing here outlives it. */
const LIMITS: Migration = {
  version: 4,
  title: "limits that processes share",
  up: (dialect) => {
    const text = TYPES[dialect].text;
    const strict = dialect === "sqlite" ? " STRICT" : "";
    return [
      `CREATE TABLE call_accounts (account ${text} PRIMARY KEY NOT NULL)${strict}`,
      `CREATE TABLE call_leaves (grant_id ${text} PRIMARY KEY NOT NULL, account ${text} NOT NULL, ` +
        `at_ms ${TYPES[dialect].integer} NOT NULL, calls ${TYPES[dialect].integer} NOT NULL, ` +
        `tokens ${TYPES[dialect].number} NOT NULL)${strict}`,
      "CREATE INDEX call_leaves_account ON call_leaves (account, at_ms)",
    ];
  },
  down: () => ["DROP TABLE call_leaves", "DROP TABLE call_accounts"],
};

/** Verdicts keep their tokens at the end of their explanation. PostgreSQL's JSON refuses strings with U+0000, so it is a pattern. */
const VERDICT_TOKENS: Readonly<Record<Dialect["name"], string>> = {
  sqlite: "explanation ->> '$.tokens'",
  postgres: `substring(explanation FROM '"tokens":([0-9.]+)\\}$')::DOUBLE PRECISION`,
};

/** Reservations lie with the items they are for, and end with their leases. */
const BUDGETS: Migration = {
  version: 5,
  title: "budgets that processes share",
  up: (dialect) => {
    const { text, number } = TYPES[dialect];
    const spent = (tokens: string, table: string, jobs: string): string =>
      `INSERT INTO job_spending (job, usd, tokens) SELECT source, COALESCE(SUM(cost_usd), 0), COALESCE(SUM(${tokens}), 0) ` +
      `FROM ${table} WHERE source LIKE '${jobs}:%' GROUP BY source`;
    return [
      `ALTER TABLE work_items ADD COLUMN reserved_usd ${number}`,
      `ALTER TABLE work_items ADD COLUMN reserved_tokens ${number}`,
      "CREATE INDEX work_items_reserved ON work_items (job) WHERE reserved_usd IS NOT NULL",
      `CREATE TABLE job_spending (job ${text} PRIMARY KEY NOT NULL, usd ${number} NOT NULL, tokens ${number} NOT NULL)` +
        (dialect === "sqlite" ? " STRICT" : ""),
      spent("COALESCE(prompt_tokens, 0) + COALESCE(completion_tokens, 0)", "responses", "sample"),
      spent(VERDICT_TOKENS[dialect], "judgements", "judge"),
    ];
  },
  down: () => [
    "DROP TABLE job_spending",
    "DROP INDEX work_items_reserved",
    "ALTER TABLE work_items DROP COLUMN reserved_tokens",
    "ALTER TABLE work_items DROP COLUMN reserved_usd",
  ],
};

/** Settled batches stay, so that a provider's list of batches can be told apart. */
const BATCHES: Migration = {
  version: 6,
  title: "batches at providers",
  up: (dialect) => {
    const { text, integer } = TYPES[dialect];
    return [
      `CREATE TABLE batches (name ${text} PRIMARY KEY NOT NULL, job ${text} NOT NULL, provider_name ${text}, ` +
        `requests ${integer} NOT NULL, state ${text} NOT NULL, asked_ms ${integer}, keeper ${text}, ` +
        `lease_until ${integer})${dialect === "sqlite" ? " STRICT" : ""}`,
      "CREATE INDEX batches_job ON batches (job, state)",
    ];
  },
  // Items of a batch have leases without an end.
  down: () => [
    "UPDATE work_items SET state = 'open', worker = NULL WHERE state = 'leased' AND lease_until IS NULL",
    "DROP TABLE batches",
  ],
  loses: "which batches are under way at providers",
};

/** Of what the gateway served and nothing else, so that other selections cost nothing more. */
const SERVED: Migration = {
  version: 7,
  title: "answers found by the names they were served under",
  up: (dialect) =>
    SERVED_NAMES.map(
      (field) =>
        `CREATE INDEX selections_${field} ON selections ((${servedName(dialect, field)})) WHERE selector = '${SERVED_SELECTOR}'`,
    ),
  down: () => SERVED_NAMES.map((field) => `DROP INDEX selections_${field}`),
};

export const MIGRATIONS: readonly Migration[] = [ROWS, WORK, SEARCH, LIMITS, BUDGETS, BATCHES, SERVED];
