/** Comparisons of two models' answers to one prompt, and where they come from. */
import { TuttiError } from "../../support/errors.ts";
import { type JudgedCandidate, type JudgedRecord, samplesOf } from "../record.ts";
import type { JudgementRow, ResponseRow } from "../store/rows.ts";
import { type Style, styleOf } from "./style.ts";

export interface Battle {
  /** Battles of one prompt are resampled together. */
  readonly prompt: string;
  readonly domain: string;
  readonly first: string;
  readonly second: string;
  /** Share of the win that is the first's: 1, 1/2 for a tie, 0, or a judged probability. */
  readonly outcome: number;
  readonly weight: number;
  /** Of both answers, where their texts are known. */
  readonly styles?: readonly [Style, Style];
}

/** What is known of one answer besides who won. */
export interface AnswerFacts {
  readonly prompt: string;
  readonly domain: string;
  readonly model: string;
  readonly score?: number;
  readonly costUsd?: number;
  readonly latencyMs?: number;
  readonly tokens?: number;
}

export interface LeaderboardData {
  readonly battles: readonly Battle[];
  readonly answers: readonly AnswerFacts[];
}

export interface ScoreBattleOptions {
  /** Scores that differ by no more are a tie. @default 0 */
  readonly tieMargin?: number;
}

interface Contestant {
  readonly model: string;
  readonly score: number;
  readonly style: Style;
}

const share = (first: number, second: number, tieMargin: number): number =>
  Math.abs(first - second) <= tieMargin ? 0.5 : first > second ? 1 : 0;

/** Every two contestants of one prompt. */
function everyPair(
  prompt: string,
  domain: string,
  contestants: readonly Contestant[],
  tieMargin: number,
): Battle[] {
  return contestants.flatMap((first, index) =>
    contestants.slice(index + 1).map((second) => ({
      prompt,
      domain,
      first: first.model,
      second: second.model,
      outcome: share(first.score, second.score, tieMargin),
      weight: 1,
      styles: [first.style, second.style] as const,
    })),
  );
}

/** Tokens where they were counted, else characters. */
const candidateStyle = (candidate: JudgedCandidate, hasTokens: boolean): Style =>
  hasTokens ? styleOf(candidate.response, candidate.tokens) : styleOf(candidate.response);

/**
 * Every two candidates of a record by their scores. With several samples the scores are means, and style is that of the
 * recorded response.
 */
export function battlesOfScores(
  records: readonly JudgedRecord[],
  domainOf: (record: JudgedRecord) => string,
  { tieMargin = 0 }: ScoreBattleOptions = {},
): Battle[] {
  return records.flatMap((record) => {
    const candidates = Object.entries(record.candidates);
    const hasTokens = candidates.every(([, { tokens }]) => tokens !== undefined);
    const contestants = candidates.map(([model, candidate]) => ({
      model,
      score: candidate.score,
      style: candidateStyle(candidate, hasTokens),
    }));
    return everyPair(record.id, domainOf(record), contestants, tieMargin);
  });
}

function numberIn(candidate: JudgedCandidate, ...names: readonly string[]): number | undefined {
  return names
    .map((name) => candidate[name])
    .find((value): value is number => typeof value === "number" && Number.isFinite(value));
}

/** What records say of every answer; cost from the fields `cost_usd` or `cost`, latency from `latency_ms`. */
export function answersOfRecords(
  records: readonly JudgedRecord[],
  domainOf: (record: JudgedRecord) => string,
): AnswerFacts[] {
  return records.flatMap((record) =>
    Object.entries(record.candidates).map(([model, candidate]) => {
      const costUsd = numberIn(candidate, "cost_usd", "cost");
      const latencyMs = numberIn(candidate, "latency_ms");
      const samples = samplesOf(candidate);
      return {
        prompt: record.id,
        domain: domainOf(record),
        model,
        score: samples.reduce((sum, { score }) => sum + score, 0) / samples.length,
        ...(candidate.tokens !== undefined && { tokens: candidate.tokens }),
        ...(costUsd !== undefined && { costUsd }),
        ...(latencyMs !== undefined && { latencyMs }),
      };
    }),
  );
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Answers of a store to one prompt with the judgements on them, as battles and facts. */
export function battlesOfResponses(
  prompt: { readonly key: string; readonly domain: string },
  responses: readonly ResponseRow[],
  judgements: readonly JudgementRow[],
  { tieMargin = 0 }: ScoreBattleOptions = {},
): LeaderboardData {
  const { key, domain } = prompt;
  const byKey = new Map(responses.map((row) => [row.key, row]));
  const hasTokens = responses.every(({ completionTokens }) => completionTokens !== undefined);
  const styleOfRow = (row: ResponseRow): Style =>
    hasTokens ? styleOf(row.text, row.completionTokens) : styleOf(row.text);
  const scores = new Map<string, number>();
  const battles: Battle[] = [];
  for (const { responseKey, rivalKey, score } of judgements) {
    const [first, second] = [
      byKey.get(responseKey),
      rivalKey === undefined ? undefined : byKey.get(rivalKey),
    ];
    if (score === null || first === undefined) continue;
    if (rivalKey === undefined) scores.set(responseKey, score);
    else if (second !== undefined && second.model !== first.model) {
      const styles = [styleOfRow(first), styleOfRow(second)] as const;
      battles.push({
        prompt: key,
        domain,
        first: first.model,
        second: second.model,
        outcome: score,
        weight: 1,
        styles,
      });
    }
  }
  const models = [...new Set(responses.map(({ model }) => model))].sort();
  const contestants = models.flatMap((model) => {
    const scored = responses.filter((row) => row.model === model && scores.has(row.key));
    const [first] = scored;
    if (first === undefined) return [];
    return [{ model, score: mean(scored.map((row) => scores.get(row.key)!)), style: styleOfRow(first) }];
  });
  const answers = responses.map((row): AnswerFacts => {
    const { model, costUsd, latencyMs, completionTokens: tokens } = row;
    const score = scores.get(row.key);
    return {
      prompt: key,
      domain,
      model,
      ...(score !== undefined && { score }),
      ...(costUsd !== undefined && { costUsd }),
      ...(latencyMs !== undefined && { latencyMs }),
      ...(tokens !== undefined && { tokens }),
    };
  });
  return { battles: [...battles, ...everyPair(key, domain, contestants, tieMargin)], answers };
}

/** @throws {TuttiError} DATASET_INVALID when there is nothing to compare */
export function checkBattles(battles: readonly Battle[]): void {
  if (battles.length > 0) return;
  throw new TuttiError("DATASET_INVALID", "leaderboard: received no comparison of two models", {
    hint: "name judged data in which at least two models answered the same prompts",
  });
}
