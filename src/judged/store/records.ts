/** Judged records for routers, joined from prompts, responses and judgements. */
import { TuttiError } from "../../support/errors.ts";
import type { JudgedCandidate, JudgedRecord, JudgedSample } from "../record.ts";
import type { SqlDatabase } from "./database.ts";
import { Conditions, readRows, selectPrompts } from "./filters.ts";
import type { JsonObject, PromptRow } from "./rows.ts";
import type { PromptFilter } from "./store.ts";
import { fromStoredText, toStoredText } from "./stored-text.ts";
import { PROMPTS, type StoredRow } from "./tables.ts";

export interface RecordOptions {
  /** A judge's name, with `@VERSION` where the store has verdicts of several versions. */
  readonly judge: string;
  readonly models?: readonly string[];
  readonly filter?: PromptFilter;
}

const PROMPTS_AT_A_TIME = 128;

interface JudgeVersion {
  readonly judge: string;
  readonly version: string;
}

/** @throws {TuttiError} INVALID_ARGUMENT: no such judge in the store, or several versions of it */
async function resolveJudge(database: SqlDatabase, wanted: string): Promise<JudgeVersion> {
  const rows = await database.rows(
    "SELECT DISTINCT judge, judge_version FROM judgements ORDER BY judge, judge_version",
  );
  const known = rows.map((row) => ({
    judge: fromStoredText(String(row.judge)),
    version: fromStoredText(String(row.judge_version)),
  }));
  const exact = known.find(({ judge, version }) => `${judge}@${version}` === wanted);
  if (exact) return exact;
  const named = known.filter(({ judge }) => judge === wanted);
  if (named.length === 1) return named[0]!;
  const listed = (named.length > 0 ? named : known).map(({ judge, version }) => `${judge}@${version}`);
  throw new TuttiError(
    "INVALID_ARGUMENT",
    named.length > 0
      ? `judge: received "${wanted}", which has verdicts of ${named.length} versions; expected one version`
      : `judge: received "${wanted}", which judged nothing in this store`,
    {
      details: { judge: wanted, known: listed },
      hint: `name one of ${listed.join(", ") || "no judges yet"}`,
    },
  );
}

async function modelsJudgedBy(database: SqlDatabase, { judge, version }: JudgeVersion): Promise<string[]> {
  const rows = await database.rows(
    `SELECT DISTINCT r.model FROM judgements j JOIN responses r ON r.key = j.response_key
     WHERE j.judge = $1 AND j.judge_version = $2 AND j.rival_key IS NULL ORDER BY r.model`,
    [toStoredText(judge), toStoredText(version)],
  );
  return rows.map(({ model }) => fromStoredText(String(model)));
}

interface ScoredSample extends JudgedSample {
  readonly tokens: number | undefined;
  readonly extra: JsonObject;
}

function sampleOf(row: StoredRow): ScoredSample {
  const explanation = JSON.parse(String(row.explanation)) as JsonObject;
  const { candidate } = explanation as { readonly candidate?: JsonObject };
  return {
    response: fromStoredText(String(row.text)),
    score: Number(row.score),
    tokens: row.completion_tokens === null ? undefined : Number(row.completion_tokens),
    extra: candidate ?? {},
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Score and tokens are means over the samples; the response is the first sample's. */
function candidateOf(samples: readonly ScoredSample[]): JudgedCandidate {
  const [first] = samples as [ScoredSample];
  const counts = samples.flatMap(({ tokens }) => (tokens === undefined ? [] : [tokens]));
  return {
    response: first.response,
    score: mean(samples.map(({ score }) => score)),
    ...(counts.length > 0 && { tokens: mean(counts) }),
    ...(samples.length > 1 && { samples: samples.map(({ response, score }) => ({ response, score })) }),
    ...first.extra,
  };
}

function recordOf(
  prompt: PromptRow,
  id: string,
  candidates: Readonly<Record<string, JudgedCandidate>>,
): JudgedRecord {
  const { messages, domain, split, reference, extra = {} } = prompt;
  const [only] = messages;
  return {
    id,
    benchmark: domain,
    ...(split !== undefined && { split }),
    prompt: messages.length === 1 && only!.role === "user" ? only!.content : messages,
    ...(reference !== undefined && { reference }),
    ...extra,
    candidates,
  };
}

/** Ids that several prompts share get the first digits of the key added. */
async function sharedIds(database: SqlDatabase, prompts: readonly PromptRow[]): Promise<ReadonlySet<string>> {
  const rows = await database.rows(
    `SELECT id FROM prompts WHERE ${database.dialect.anyOf("id", "$1")} GROUP BY id HAVING COUNT(*) > 1`,
    [prompts.map(({ id }) => toStoredText(id))],
  );
  return new Set(rows.map(({ id }) => fromStoredText(String(id))));
}

async function* joinPage(
  database: SqlDatabase,
  prompts: readonly PromptRow[],
  { judge, version }: JudgeVersion,
  models: readonly string[],
): AsyncGenerator<JudgedRecord> {
  const { conditions, values } = new Conditions(database.dialect)
    .anyOf(
      "r.prompt_key",
      prompts.map(({ key }) => key),
    )
    .anyOf("r.model", models)
    .equals("j.judge", toStoredText(judge))
    .equals("j.judge_version", toStoredText(version));
  const rows = await database.rows(
    `SELECT r.prompt_key, r.model, r.text, r.completion_tokens, j.score, j.explanation
     FROM responses r JOIN judgements j ON j.response_key = r.key
     WHERE ${conditions.join(" AND ")} AND j.rival_key IS NULL AND j.score IS NOT NULL AND r.status <> 'error'
     ORDER BY r.prompt_key, r.seed_index, r.key`,
    values,
  );
  const byPrompt = new Map<string, Map<string, ScoredSample[]>>();
  for (const row of rows) {
    const byModel = byPrompt.get(String(row.prompt_key)) ?? new Map<string, ScoredSample[]>();
    byPrompt.set(String(row.prompt_key), byModel);
    const model = fromStoredText(String(row.model));
    byModel.set(model, [...(byModel.get(model) ?? []), sampleOf(row)]);
  }
  const shared = await sharedIds(database, prompts);
  for (const prompt of prompts) {
    const byModel = byPrompt.get(prompt.key);
    if (byModel === undefined || !models.every((model) => byModel.has(model))) continue;
    const id = shared.has(prompt.id) ? `${prompt.id}@${prompt.key.slice(0, 8)}` : prompt.id;
    yield recordOf(
      prompt,
      id,
      Object.fromEntries(models.map((model) => [model, candidateOf(byModel.get(model)!)])),
    );
  }
}

/**
 * The prompts, in the order of their keys, where every model has an answer that the judge scored. Candidates come in the order of
 * `models`; by default all models that the judge scored, sorted.
 *
 * @throws {TuttiError} INVALID_ARGUMENT: the judge judged nothing, or has several versions and none is named
 */
export async function* readRecords(
  database: SqlDatabase,
  { judge: wanted, models: named, filter = {} }: RecordOptions,
): AsyncGenerator<JudgedRecord> {
  const judge = await resolveJudge(database, wanted);
  const models = named ?? (await modelsJudgedBy(database, judge));
  let page: PromptRow[] = [];
  const selection = selectPrompts(database.dialect, filter);
  for await (const prompt of readRows(database, database.dialect, PROMPTS, selection, filter.keys)) {
    page.push(prompt);
    if (page.length < PROMPTS_AT_A_TIME) continue;
    yield* joinPage(database, page, judge, models);
    page = [];
  }
  if (page.length > 0) yield* joinPage(database, page, judge, models);
}
