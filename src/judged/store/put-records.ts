/** Judged records, as files have them, into the store. */
import type { JudgedCandidate, JudgedRecord, JudgedSample } from "../record.ts";
import { samplesOf } from "../record.ts";
import { judgementKey, promptKey, responseKey } from "./keys.ts";
import type { Json, JsonObject, JudgementRow, PromptRow, ResponseRow } from "./rows.ts";
import type { JudgedStore, PutResult, RowSet } from "./store.ts";

export interface RecordLineage {
  /** Who gave the scores. */
  readonly judge: string;
  /** Default "recorded". */
  readonly judgeVersion?: string;
  /** Where the records come from, such as the name of the file. */
  readonly source: string;
  readonly sourceRevision?: string;
  /**
   * What is known of the models behind the names. By default the source stands for it, so that answers of two imports never
   * count as the same answer.
   */
  readonly modelRevision?: string;
  /** Default "unknown". */
  readonly template?: string;
  /** Sampling parameters, where they are known. */
  readonly parameters?: JsonObject;
}

export interface PutRecordsResult {
  readonly prompts: PutResult;
  readonly responses: PutResult;
  readonly judgements: PutResult;
}

const RECORDS_AT_A_TIME = 200;
const RECORD_FIELDS = new Set(["id", "benchmark", "split", "prompt", "candidates"]);
const CANDIDATE_FIELDS = new Set(["response", "score", "tokens", "samples"]);
const SAMPLE_FIELDS = new Set(["response", "score"]);
/** Fields that verifiers check answers against. */
const REFERENCE_FIELDS = ["answer", "tests", "entryPoint", "constraints"];

type Fields = Readonly<Record<string, unknown>>;

function fieldsBeyond(object: Fields, known: ReadonlySet<string>): JsonObject | undefined {
  const others = Object.entries(object).filter(([name, value]) => !known.has(name) && value !== undefined);
  return others.length === 0 ? undefined : (Object.fromEntries(others) as JsonObject);
}

/** A `reference` that is a plain value is the answer; one that is an object is taken as it is. */
function referenceOf(record: Fields): JsonObject | undefined {
  const named = REFERENCE_FIELDS.filter((name) => record[name] !== undefined && record[name] !== null);
  const fields: Record<string, Json> = Object.fromEntries(named.map((name) => [name, record[name] as Json]));
  const { reference } = record;
  if (typeof reference === "string" || typeof reference === "number") fields.answer = reference;
  else if (typeof reference === "object" && reference !== null && !Array.isArray(reference)) {
    Object.assign(fields, reference);
  }
  return Object.keys(fields).length === 0 ? undefined : fields;
}

function promptOf(record: JudgedRecord, lineage: RecordLineage, createdAt: string): PromptRow {
  const { id, benchmark, split, prompt } = record;
  const messages = typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : prompt;
  const reference = referenceOf(record);
  const extra = fieldsBeyond(record, RECORD_FIELDS);
  return {
    key: promptKey({ messages, ...(reference && { reference }) }),
    id,
    messages,
    domain: benchmark,
    ...(split !== undefined && { split }),
    source: lineage.source,
    ...(lineage.sourceRevision !== undefined && { sourceRevision: lineage.sourceRevision }),
    ...(reference && { reference }),
    ...(extra && { extra }),
    createdAt,
  };
}

/** Other fields of a candidate go with its first sample, its token count too. */
function sampleRows(
  prompt: PromptRow,
  model: string,
  { candidate, sample, seedIndex }: { candidate: JudgedCandidate; sample: JudgedSample; seedIndex: number },
  lineage: RecordLineage,
): { response: ResponseRow; judgement: JudgementRow } {
  const { source, judge, judgeVersion = "recorded" } = lineage;
  const { createdAt } = prompt;
  const identity = {
    promptKey: prompt.key,
    model,
    modelRevision: lineage.modelRevision ?? source,
    template: lineage.template ?? "unknown",
    parameters: lineage.parameters ?? {},
    seedIndex,
  };
  const isFirst = seedIndex === 0;
  const response: ResponseRow = {
    key: responseKey(identity),
    ...identity,
    text: sample.response,
    status: sample.response.trim() === "" ? "empty" : "ok",
    ...(isFirst && candidate.tokens !== undefined && { completionTokens: candidate.tokens }),
    source,
    createdAt,
  };
  const candidateFields = isFirst ? fieldsBeyond(candidate, CANDIDATE_FIELDS) : undefined;
  const sampleFields = candidate.samples && fieldsBeyond({ ...sample }, SAMPLE_FIELDS);
  const verdict = { responseKey: response.key, judge, judgeVersion };
  const judgement: JudgementRow = {
    key: judgementKey(verdict),
    ...verdict,
    score: sample.score,
    verdict: "recorded",
    explanation: {
      ...(candidateFields && { candidate: candidateFields }),
      ...(sampleFields && { sample: sampleFields }),
    },
    source,
    createdAt,
  };
  return { response, judgement };
}

/**
 * The rows of one record: its prompt, a response per sampled answer, a judgement per response. `readRecords` of the store makes the
 * record again: other fields are kept, a prompt of one user message comes back as text.
 */
export function rowsOfRecord(
  record: JudgedRecord,
  lineage: RecordLineage,
  createdAt = new Date().toISOString(),
): Required<Omit<RowSet, "selections">> {
  const prompt = promptOf(record, lineage, createdAt);
  const rows = Object.entries(record.candidates).flatMap(([model, candidate]) =>
    samplesOf(candidate).map((sample, seedIndex) =>
      sampleRows(prompt, model, { candidate, sample, seedIndex }, lineage),
    ),
  );
  return {
    prompts: [prompt],
    responses: rows.map(({ response }) => response),
    judgements: rows.map(({ judgement }) => judgement),
  };
}

function sum(a: PutResult, b: PutResult): PutResult {
  return { inserted: a.inserted + b.inserted, existing: a.existing + b.existing };
}

/**
 * Puts judged records into the store, some at a time, each batch whole or not at all. Putting the same records again writes
 * nothing. Prompts that occur twice, with the same reference, are one prompt: the answers of the first stay.
 */
export async function putRecords(
  store: JudgedStore,
  records: Iterable<JudgedRecord> | AsyncIterable<JudgedRecord>,
  lineage: RecordLineage,
): Promise<PutRecordsResult> {
  const none: PutResult = { inserted: 0, existing: 0 };
  let result: PutRecordsResult = { prompts: none, responses: none, judgements: none };
  let batch: ReturnType<typeof rowsOfRecord>[] = [];
  const flush = async () => {
    const put = await store.putAll({
      prompts: batch.flatMap(({ prompts }) => prompts),
      responses: batch.flatMap(({ responses }) => responses),
      judgements: batch.flatMap(({ judgements }) => judgements),
    });
    result = {
      prompts: sum(result.prompts, put.prompts),
      responses: sum(result.responses, put.responses),
      judgements: sum(result.judgements, put.judgements),
    };
    batch = [];
  };
  for await (const record of records) {
    batch.push(rowsOfRecord(record, lineage));
    if (batch.length === RECORDS_AT_A_TIME) await flush();
  }
  if (batch.length > 0) await flush();
  return result;
}
