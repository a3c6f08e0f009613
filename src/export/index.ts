/** Models as ONNX files that any runtime loads. */
export { type ExportOptions, exportOnnx } from "./export-onnx.ts";
export { EXPORT_TASKS, type ExportTask } from "./families.ts";
export { type ExportManifest, type ExportSource, readExportManifest } from "./manifest.ts";
export type { WrittenFile } from "./onnx-files.ts";
export { EXPORT_DTYPES, type ExportDType } from "./stored-weights.ts";
