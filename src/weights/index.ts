export {
  readSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors.ts";
