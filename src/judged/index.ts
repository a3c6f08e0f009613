export type { JudgedDataset } from "./collect.ts";
export { joinJudgedFiles } from "./join.ts";
export { readPrompts, type TrafficPrompt } from "./prompts.ts";
export { type ReadJudgedOptions, readJudgedRecords } from "./read.ts";
export {
  type ChatMessage,
  type JudgedCandidate,
  type JudgedRecord,
  promptText,
} from "./record.ts";
export { foldOf, normalisedPrompt, type PromptSplitOptions, splitByPrompt } from "./split.ts";
export { canonicalJson, judgementKey, promptKey, responseKey, selectionKey } from "./store/keys.ts";
export { openStore } from "./store/open.ts";
export {
  type Json,
  type JsonObject,
  type JudgementRow,
  type PromptRow,
  RESPONSE_STATUSES,
  type ResponseRow,
  type ResponseStatus,
  type SelectionRow,
} from "./store/rows.ts";
export type {
  FinishedItem,
  JobProgress,
  JudgedStore,
  JudgementFilter,
  PromptFilter,
  PutResult,
  ResponseFilter,
  StoreStats,
  StoreTable,
  WorkQueue,
} from "./store/store.ts";
export { writeJudgedRecords } from "./write.ts";
