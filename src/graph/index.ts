export { gradients } from "./autodiff.ts";
export * as ops from "./functions.ts";
export {
  type Attributes,
  Graph,
  type InputKind,
  inputName,
  type Node,
  type TensorType,
  type Value,
} from "./ir.ts";
export type { OpDefinition } from "./op.ts";
export { OP_TABLE, opDefinition } from "./op-table.ts";
export { toText } from "./print.ts";
export { productFlops } from "./product-flops.ts";
export { validateGraph } from "./validate.ts";
