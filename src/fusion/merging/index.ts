/** Merging checkpoints of one shape. */
export type { Lineage } from "./lineage.ts";
export { mergeCheckpoints } from "./merge-checkpoints.ts";
export { DARE_RESCALES, type DareOptions } from "./methods/dare.ts";
export { SCE_READINGS, type SceOptions } from "./methods/sce.ts";
export type { TiesOptions } from "./methods/ties.ts";
export { createMergeMethod, MERGE_METHODS, type MergeMethodName, type MergeSettings } from "./methods.ts";
export {
  type MergedTensor,
  type MergeMethod,
  type MergePiece,
  PIECE_ELEMENTS,
  type Piece,
} from "./pieces.ts";
export type { MergeDType, MergedModel, MergeEvents, MergeRequest, ModelToMerge } from "./request.ts";
export type { NamedFolder } from "./same-tokenizer.ts";
