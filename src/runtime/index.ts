export type { Backend, CompileOptions, Executable, Feeds, Results } from "./backend.ts";
export { createOrtBackend, type OrtBackendOptions } from "./ort/index.ts";
export { createReferenceBackend } from "./reference/index.ts";
