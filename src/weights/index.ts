/** Model weights in files. */
export type { GgufEntry } from "./gguf/header.ts";
export type { GgufMetadata, GgufValue } from "./gguf/metadata.ts";
export { type GgufModel, openGgufModel } from "./gguf/model-read.ts";
export { type GgufModelToWrite, writeGgufModel } from "./gguf/model-write.ts";
export { type GgufFile, type GgufTensor, openGguf } from "./gguf/read.ts";
export { type GgufTensorToWrite, type GgufWriteType, writeGguf } from "./gguf/write.ts";
export { type Checkpoint, openCheckpoint, openShardedSafetensors, openWeights } from "./open-weights.ts";
export {
  SAFETENSORS_DTYPES,
  type SafetensorsData,
  type SafetensorsDType,
} from "./safetensors-dtype.ts";
export type { SafetensorsEntry } from "./safetensors-header.ts";
export { INDEX_FILE, safetensorsIndexText } from "./safetensors-index.ts";
export {
  openSafetensors,
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from "./safetensors-read.ts";
export {
  SafetensorsWriter,
  type TensorHeading,
  type TensorInMemory,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors-write.ts";
export { comesAsFloat32, type WeightSource } from "./source.ts";
