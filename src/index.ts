/** The short way in: data, training, evaluation and serving. The engine's parts are at the subpaths. */
export { createGateway, loadPool, serveGateway } from "./gateway/index.ts";
export { readJudgedRecords, splitByPrompt, writeJudgedRecords } from "./judged/index.ts";
export {
  chooseAll,
  evaluateRouters,
  formatEvaluationTable,
  loadRouters,
  lookaheadDefaults,
  type Router,
  trainRouter,
} from "./routing/index.ts";
export { TuttiError } from "./support/errors.ts";
export { version } from "./support/version.ts";
