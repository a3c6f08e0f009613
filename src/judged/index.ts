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
export { writeJudgedRecords } from "./write.ts";
