export { lowerToOnnx, type NamedOutputs, toOnnx } from "./lower.ts";
export { type OnnxModelSummary, readOnnxModel } from "./model.ts";
