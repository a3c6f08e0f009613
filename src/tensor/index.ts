export { allocate, BYTES_PER_ELEMENT, type DType, type TensorData } from "./dtype.ts";
export {
  type Float16Tensor,
  type Float32Tensor,
  float32,
  type HostTensor,
  int32,
  zeros,
} from "./host-tensor.ts";
export { permutation, type RandomKey, RandomStream, streamOf } from "./random.ts";
export { type Dimension, type Shape, sizeOf } from "./shape.ts";
