export type { Backend, CompileOptions, Executable, Feeds, Results } from "./backend.ts";
export { findCpuFallbacks } from "./ort/cpu-fallbacks.ts";
export { createOrtBackend, type OrtBackendOptions } from "./ort/index.ts";
export { OnnxFile, type OnnxFileOptions } from "./ort/onnx-file.ts";
export { EXECUTION_PROVIDERS, type ExecutionProvider } from "./ort/providers.ts";
export { createReferenceBackend } from "./reference/index.ts";
