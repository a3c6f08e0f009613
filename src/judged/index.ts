export type { JudgedDataset } from "./collect.ts";
export { CONTAMINATION_WORDS, type Contamination, contaminated } from "./dedupe/contamination.ts";
export { type DedupeOptions, type DedupeReport, dedupePrompts } from "./dedupe/dedupe-prompts.ts";
export {
  NEAR_DUPLICATE_DEFAULTS,
  type NearDuplicate,
  NearDuplicateFinder,
  type NearDuplicateOptions,
  nearDuplicates,
} from "./dedupe/near-duplicates.ts";
export { type DatasetDiff, diffDatasets } from "./diff.ts";
export { DatasetCheck } from "./formats/check.ts";
export {
  droppedPrompts,
  type ExportOptions,
  type ExportReport,
  groupEntries,
  storeEntries,
  writeDataFile,
  writeStoreRows,
} from "./formats/export.ts";
export type { Format, PromptEntry, RowGroup, WriteOptions } from "./formats/format.ts";
export { type ImportOptions, type ImportReport, importFiles } from "./formats/import.ts";
export { IMPORT_LIMITS, type ImportLimits } from "./formats/limits.ts";
export { type DataFile, openDataFiles, type ReadOptions, readDataFiles } from "./formats/read.ts";
export { FORMATS as DATA_FORMATS } from "./formats/registry.ts";
export { joinJudgedFiles } from "./join.ts";
export * from "./leaderboard/index.ts";
export { readPrompts, type TrafficPrompt } from "./prompts.ts";
export { type ReadJudgedOptions, readJudgedRecords } from "./read.ts";
export {
  type ChatMessage,
  type JudgedCandidate,
  type JudgedRecord,
  promptText,
} from "./record.ts";
export * from "./select/index.ts";
export { foldOf, normalisedPrompt, type PromptSplitOptions, splitByPrompt } from "./split.ts";
export type { StoreCheck, StoreProblem, StoreProblemKind } from "./store/check.ts";
export { canonicalJson, judgementKey, promptKey, responseKey, selectionKey } from "./store/keys.ts";
export {
  type BackupResult,
  backupStore,
  checkStore,
  type MigrateResult,
  migrateStore,
  repairStore,
  storeSchemaVersion,
} from "./store/maintenance.ts";
export { openStore } from "./store/open.ts";
export {
  type PutRecordsResult,
  putRecords,
  type RecordLineage,
  rowsOfRecord,
} from "./store/put-records.ts";
export type { RemovedRow } from "./store/repair.ts";
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
export { SCHEMA_VERSION } from "./store/schema.ts";
export { SERVED_SELECTOR } from "./store/served-answers.ts";
export type {
  BatchLedger,
  BudgetLimits,
  CallLimits,
  FinishedItem,
  ItemReservation,
  JobProgress,
  JudgedStore,
  JudgementFilter,
  LeaveTaken,
  OpenBatch,
  PromptFilter,
  PutResult,
  RecordOptions,
  Reserved,
  ResponseFilter,
  RowSet,
  SharedLimits,
  Spending,
  StoreStats,
  StoreTable,
  WorkQueue,
} from "./store/store.ts";
export { readStoreDataset, type StoreDatasetOptions } from "./store-dataset.ts";
export { writeJudgedRecords } from "./write.ts";
