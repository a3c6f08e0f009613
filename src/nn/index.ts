export { attention, MASKED_BIAS, mergeHeads, splitHeads } from "./attention.ts";
export { dropout, layerNormSpecs, linear, linearSpecs, namedLayerNorm, namedLinear } from "./layers.ts";
export {
  checkParameters,
  declareParameters,
  initialiseParameters,
  matrix,
  type ParameterSpec,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
  vector,
} from "./parameters.ts";
