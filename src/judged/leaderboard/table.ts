/** The leaderboard as text for a terminal. */
import { alignRows } from "../../support/align-rows.ts";
import type { Board, Estimate, Leaderboard, LeaderboardRow } from "./leaderboard.ts";

interface Column {
  readonly head: string;
  /** Undefined where the row has no such value. */
  cell(row: LeaderboardRow): string | undefined;
}

const estimate = ({ value, interval: [low, high] }: Estimate, digits: number): string =>
  `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;

const optional = (found: Estimate | undefined, digits: number): string | undefined =>
  found && estimate(found, digits);

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);

/** Digits that tell scores of up to ten, or of hundreds, apart. */
const scoreDigits = ({ value }: Estimate): number => (Math.abs(value) < 20 ? 3 : 1);

const COLUMNS: readonly Column[] = [
  { head: "model", cell: ({ model }) => model },
  { head: "rank", cell: ({ rank }) => String(rank) },
  { head: "rating", cell: ({ rating }) => estimate(rating, 0) },
  { head: "style-controlled", cell: ({ controlled }) => optional(controlled, 0) },
  { head: "beats baseline %", cell: ({ againstBaseline }) => optional(againstBaseline, 1) },
  { head: "win rate %", cell: ({ winRate }) => estimate(winRate, 1) },
  { head: "Elo", cell: ({ elo }) => elo.toFixed(0) },
  { head: "score", cell: ({ score }) => optional(score, score ? scoreDigits(score) : 0) },
  { head: "battles", cell: ({ battles }) => String(Number(battles.toFixed(1))) },
  { head: "tokens", cell: ({ tokens }) => tokens?.toFixed(0) },
  { head: "$ per 1000", cell: ({ costUsd = Number.NaN }) => finite(1000 * costUsd)?.toPrecision(3) },
  { head: "latency s", cell: ({ latencyMs = Number.NaN }) => finite(latencyMs / 1000)?.toFixed(2) },
];

export interface BoardTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Head and cells of one board, without the columns that no row has. */
export function boardTable({ rows }: Board): BoardTable {
  const shown = COLUMNS.filter(({ cell }) => rows.some((row) => cell(row) !== undefined));
  return {
    heads: shown.map(({ head }) => head),
    rows: rows.map((row) => shown.map(({ cell }) => cell(row) ?? "-")),
  };
}

function effects({ styleEffects }: Board): string {
  if (styleEffects === undefined) return "";
  const parts = Object.entries(styleEffects).map(([feature, found]) => `${feature} ${estimate(found, 3)}`);
  return `\nstyle effects, in nats: ${parts.join(", ")}`;
}

export function formatLeaderboard({ boards }: Leaderboard): string {
  const blocks = boards.map((board) => {
    const { heads, rows } = boardTable(board);
    return `${board.domain}: ${board.prompts} prompts\n${alignRows([heads, ...rows])}${effects(board)}`;
  });
  return `${blocks.join("\n\n")}\n`;
}
