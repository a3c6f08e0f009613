/**
 * Arena-Hard's verdicts as battles against the baseline model.
 *
 * Two games a prompt; in the first the baseline is A, in the second B. A much better answer (`>>`) weighs three games; a game without verdict is a
 * loss of weight 3, as the recorded results count it.
 */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { JudgedRecord } from "../record.ts";
import type { Battle } from "./battle.ts";

const STRONG_WEIGHT = 3;

/** Verdict -> A's share of the win and the weight of the game. */
const GAMES: Readonly<Record<string, readonly [outcome: number, weight: number]>> = {
  "A>>B": [1, STRONG_WEIGHT],
  "A>B": [1, 1],
  "A=B": [0.5, 1],
  "B=A": [0.5, 1],
  "B>A": [0, 1],
  "B>>A": [0, STRONG_WEIGHT],
};

/** The verdicts that {@link battlesOfVerdicts} takes. */
export const ARENA_HARD_VERDICTS: readonly string[] = Object.keys(GAMES);

/** Share of the win that is A's, and weight, of one verdict; undefined for others. */
export function arenaHardGame(
  verdict: string,
): { readonly outcome: number; readonly weight: number } | undefined {
  const game = Object.hasOwn(GAMES, verdict) ? GAMES[verdict] : undefined;
  return game && { outcome: game[0], weight: game[1] };
}

/**
 * @param records whose candidates have `verdicts`: two of {@link ARENA_HARD_VERDICTS}, or null for a failed game
 * @param baseline name for the model that all others were compared with
 * @throws {TuttiError} RECORD_INVALID naming record and candidate
 */
export function battlesOfVerdicts(
  records: readonly JudgedRecord[],
  domainOf: (record: JudgedRecord) => string,
  baseline: string,
): Battle[] {
  return records.flatMap((record) =>
    Object.entries(record.candidates).flatMap(([model, { verdicts }]) => {
      const place = `record ${JSON.stringify(record.id)}: candidates[${JSON.stringify(model)}].verdicts`;
      if (!Array.isArray(verdicts) || verdicts.length !== 2) {
        throw new TuttiError(
          "RECORD_INVALID",
          `${place}: received ${shown(verdicts)}, expected two verdicts`,
          {
            hint: "leaderboards by verdicts need Arena-Hard's judgements; use scores for other data",
          },
        );
      }
      return verdicts.map((verdict: unknown, game): Battle => {
        const base = { prompt: record.id, domain: domainOf(record), first: model, second: baseline };
        if (verdict === null) return { ...base, outcome: 0, weight: STRONG_WEIGHT };
        const found = typeof verdict === "string" ? arenaHardGame(verdict) : undefined;
        if (found === undefined) {
          throw new TuttiError(
            "RECORD_INVALID",
            `${place}[${game}]: received ${shown(verdict)}, expected one of ${ARENA_HARD_VERDICTS.join(", ")} or null`,
          );
        }
        return { ...base, ...found, outcome: game === 0 ? 1 - found.outcome : found.outcome };
      });
    }),
  );
}
