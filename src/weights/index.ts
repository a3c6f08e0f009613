/** Model weights in files. */
export {
  SAFETENSORS_DTYPES,
  type SafetensorsData,
  type SafetensorsDType,
} from "./safetensors-dtype.ts";
export type { SafetensorsEntry } from "./safetensors-header.ts";
export {
  openSafetensors,
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from "./safetensors-read.ts";
export { type TensorToWrite, writeSafetensors } from "./safetensors-write.ts";
