/** Routers as ONNX files that any runtime loads. */
export { type ExportAgreement, exportAgreement } from "./agreement.ts";
export { type EmbeddingHeads, embeddingHeadsGraph } from "./embedding-graph.ts";
export { exportRouter, type RouterExportOptions } from "./export-router.ts";
export { ExportedRouter } from "./exported-router.ts";
export {
  ROUTER_PRECISIONS,
  type RouterExportManifest,
  type RouterPrecision,
  readRouterManifest,
} from "./manifest.ts";
export {
  type GraphRouter,
  isGraphRouter,
  type OutputMeaning,
  type PromptInputs,
  type PromptTokenization,
  type RouterGraph,
} from "./router-graph.ts";
