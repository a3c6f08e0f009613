/** Leaderboards from judged responses. */
export { ARENA_HARD_VERDICTS, arenaHardGame, battlesOfVerdicts } from "./arena-hard.ts";
export {
  type AnswerFacts,
  answersOfRecords,
  type Battle,
  battlesOfResponses,
  battlesOfScores,
  type LeaderboardData,
  type ScoreBattleOptions,
} from "./battle.ts";
export {
  type BradleyTerryFit,
  type Comparisons,
  ELO_POINTS_PER_NAT,
  fitBradleyTerry,
} from "./bradley-terry.ts";
export { type EloOptions, eloRatings } from "./elo.ts";
export { leaderboardDataOfStore } from "./from-store.ts";
export {
  type Board,
  type Estimate,
  type Leaderboard,
  type LeaderboardOptions,
  type LeaderboardRow,
  makeLeaderboard,
} from "./leaderboard.ts";
export { renderLeaderboard } from "./page.ts";
export { STYLE_FEATURES, type Style, type StyleFeature, styleCovariates, styleOf } from "./style.ts";
export { formatLeaderboard } from "./table.ts";
