/** Baselines that look one row up in a small table of mean scores. */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { candidateEvidence, mean } from "../growth/candidate-evidence.ts";
import { shrunkenMeans } from "../growth/shrunken-means.ts";
import type { RoutingQuery } from "../router.ts";
import { candidateColumn, type GrowableBaseline } from "./parts.ts";
import { meanRow, type TrainingData, trainingData } from "./training-data.ts";

/** Mean score rows by key, and the row for a key that training never saw. */
export interface ScoreTable {
  readonly rows: ReadonlyMap<string, Float64Array>;
  readonly overall: Float64Array;
}

const rowSchema = z.array(z.number());
const tableFields = { rows: z.array(z.tuple([z.string(), rowSchema])), overall: rowSchema };
export const domainBestHeaderSchema = z.object({ kind: z.literal("domain-best"), ...tableFields });
export const stringRuleHeaderSchema = z.object({ kind: z.literal("string-rule"), ...tableFields });

function tableHeader({ rows, overall }: ScoreTable) {
  return { rows: [...rows].map(([key, row]) => [key, [...row]]), overall: [...overall] };
}

export function tableFromHeader(header: {
  rows: ReadonlyArray<readonly [string, readonly number[]]>;
  overall: readonly number[];
}): ScoreTable {
  return {
    rows: new Map(header.rows.map(([key, row]) => [key, Float64Array.from(row)])),
    overall: Float64Array.from(header.overall),
  };
}

const appended = (row: Float64Array, value: number): Float64Array => Float64Array.of(...row, value);

/** Every row with one more score: the mean of the others plus the new candidate's advantage there. */
function grownTable(
  { rows, overall }: ScoreTable,
  advantageOf: (key: string) => number,
  overallAdvantage: number,
): ScoreTable {
  return {
    rows: new Map([...rows].map(([key, row]) => [key, appended(row, mean(row) + advantageOf(key))])),
    overall: appended(overall, mean(overall) + overallAdvantage),
  };
}

function shrunkTable({ rows, overall }: ScoreTable, column: number): ScoreTable {
  const shrunk = (row: Float64Array): Float64Array => row.filter((_, index) => index !== column);
  return { rows: new Map([...rows].map(([key, row]) => [key, shrunk(row)])), overall: shrunk(overall) };
}

/** Mean rows of the prompts that share a key, in order of first appearance. */
function meansByKey(keys: readonly string[], rows: readonly Float64Array[], width: number) {
  const groups = new Map<string, Float64Array[]>();
  for (const [index, key] of keys.entries()) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [rows[index]!]);
    else group.push(rows[index]!);
  }
  return new Map([...groups].map(([key, group]) => [key, meanRow(group, width)]));
}

function pooledMean(data: TrainingData): Float64Array {
  return meanRow(data.normalised, data.candidates.length);
}

/**
 * The best single model of each benchmark, told which benchmark a prompt is from: what knowing the domain,
 * and nothing else, is worth.
 */
export class DomainBestRouter implements GrowableBaseline {
  readonly name: string = "domain-best";
  readonly readsDomain: boolean = true;
  readonly candidates: readonly string[];
  readonly table: ScoreTable;

  constructor(candidates: readonly string[], table: ScoreTable) {
    this.candidates = candidates;
    this.table = table;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return queries.map(({ domain }) => {
      const row = domain === undefined ? undefined : this.table.rows.get(domain);
      return Float64Array.from(row ?? this.table.overall);
    });
  }

  /**
   * Benchmarks have scales of their own, so each learns from its own judged prompts; one without any puts the new
   * candidate at the mean of the others, where it is not chosen.
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<DomainBestRouter> {
    const { domains, advantages, rawAdvantages } = candidateEvidence(records, this.candidates, name);
    const advantageOf = (key: string): number =>
      mean(rawAdvantages.filter((_, index) => domains[index] === key));
    const table = grownTable(this.table, advantageOf, mean(advantages));
    return new DomainBestRouter([...this.candidates, name], table);
  }

  withoutCandidate(name: string): DomainBestRouter {
    const column = candidateColumn(this.candidates, name);
    return new DomainBestRouter(this.candidates.toSpliced(column, 1), shrunkTable(this.table, column));
  }

  toContent() {
    return { header: { kind: "domain-best", ...tableHeader(this.table) }, arrays: {} };
  }
}

/**
 * Mean judged score per benchmark. Benchmarks have different scales, so the row for an unknown or untold
 * domain is the mean of scores normalised within each prompt, over all training prompts.
 *
 * @throws {TuttiError} see {@link trainingData}
 */
export function trainDomainBest(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): DomainBestRouter {
  const data = trainingData(records, candidates);
  return new DomainBestRouter(data.candidates, {
    rows: meansByKey(data.domains, data.scores, candidates.length),
    overall: pooledMean(data),
  });
}

export type PromptClass = "math" | "code" | "other";

/** Mathematics prompts of the common collections ask for the answer in this form. */
const MATH_MARK = "\\boxed{}";

/** Code prompts carry one of these sentences: tests to pass, or a signature to fill in. */
const CODE_MARKS: readonly string[] = [
  "Your code should pass",
  "Read the following function signature and docstring, and fully implement the function described.",
];

/**
 * Three string tests: `\boxed{}` means math, one of two fixed sentences means code, anything else is other.
 * They recognise a benchmark's wording and understand nothing, which is why they are worth comparing with.
 */
export function promptClass(prompt: string): PromptClass {
  if (prompt.includes(MATH_MARK)) return "math";
  return CODE_MARKS.some((mark) => prompt.includes(mark)) ? "code" : "other";
}

/** The best single model per {@link promptClass}. */
export class StringRuleRouter implements GrowableBaseline {
  readonly name: string = "string-rule";
  readonly candidates: readonly string[];
  readonly table: ScoreTable;

  constructor(candidates: readonly string[], table: ScoreTable) {
    this.candidates = candidates;
    this.table = table;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return queries.map(({ prompt }) =>
      Float64Array.from(this.table.rows.get(promptClass(prompt)) ?? this.table.overall),
    );
  }

  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<StringRuleRouter> {
    const { prompts, advantages } = candidateEvidence(records, this.candidates, name);
    const keys = [...new Set([...this.table.rows.keys(), ...prompts.map(promptClass)])];
    const groups = prompts.map((prompt) => keys.indexOf(promptClass(prompt)));
    const means = shrunkenMeans(advantages, groups, keys.length);
    const table = grownTable(this.table, (key) => means[keys.indexOf(key)]!, mean(advantages));
    return new StringRuleRouter([...this.candidates, name], table);
  }

  withoutCandidate(name: string): StringRuleRouter {
    const column = candidateColumn(this.candidates, name);
    return new StringRuleRouter(this.candidates.toSpliced(column, 1), shrunkTable(this.table, column));
  }

  toContent() {
    return { header: { kind: "string-rule", ...tableHeader(this.table) }, arrays: {} };
  }
}

/**
 * Mean scores per class, normalised within each prompt because a class mixes benchmarks of different scales.
 * A class without training prompts falls back to the mean over all.
 *
 * @throws {TuttiError} see {@link trainingData}
 */
export function trainStringRule(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): StringRuleRouter {
  const data = trainingData(records, candidates);
  return new StringRuleRouter(data.candidates, {
    rows: meansByKey(data.prompts.map(promptClass), data.normalised, candidates.length),
    overall: pooledMean(data),
  });
}
