export {
  type BertConfig,
  type BertInputs,
  bertConfigJson,
  bertEncoder,
  bertMlmHeadSpecs,
  bertMlmLogits,
  bertMlmTransform,
  bertSpecs,
  parseBertConfig,
} from "./bert.ts";
export {
  type LlamaConfig,
  type LlamaInputs,
  llamaDecoder,
  llamaHead,
  llamaLogits,
  llamaSpecs,
  parseLlamaConfig,
} from "./llama.ts";
export { type LoadedAdapter, loadPeftAdapter, savePeftAdapter } from "./peft-adapter.ts";
