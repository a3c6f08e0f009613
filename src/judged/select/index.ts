/** Selectors of training examples: pure functions of judged answers, with a reason for every decision. */
export {
  bestAnswer,
  bestCorrectAnswer,
  firstAnswer,
  type LeastNllOptions,
  leastNllAnswer,
  majorityAnswer,
  type VoteOptions,
} from "./answer-selectors.ts";
export type { GroupedAnswer, JudgedGroup, ScoredAnswer } from "./group.ts";
export { groupOfRecord, type RecordFields } from "./groups-of-records.ts";
export {
  groupedAnswer,
  groupsOfStore,
  type StoreGroupsOptions,
  type StoreJudges,
} from "./groups-of-store.ts";
export {
  type CrossSourceOptions,
  crossSourcePairs,
  type GapWindow,
  type SameSourceOptions,
  sameSourcePairs,
  shortestAboveMeanPairs,
} from "./pair-selectors.ts";
export { formatSelectionReport, renderSelectionPage } from "./selection-page.ts";
export {
  type DomainReport,
  type SelectionReport,
  type SideReport,
  selectionReport,
} from "./selection-report.ts";
export { selectionRows } from "./selection-rows.ts";
export {
  countReasons,
  type Decision,
  decideGroup,
  type GroupDecision,
  type SelectedRow,
  type Selection,
  type Selector,
  select,
} from "./selector.ts";
export {
  datasetInfo,
  lineageOf,
  TRAINING_FORMATS,
  type TrainingFormat,
  trainingLines,
  trainingRow,
} from "./training-rows.ts";
export { type WrpoOptions, wrpoTriples } from "./wrpo-selector.ts";
