/** From text to token ids and back, and from conversations to text. */
export { type ChatTemplateOptions, renderChatTemplate, type TemplateMessage } from "./chat-template.ts";
export { type EncodedConversation, encodeConversation } from "./encode-conversation.ts";
export type { TokenizerMetadata } from "./gguf/metadata.ts";
export { type GgufTokenizer, ggufChatTemplate, readGgufTokenizer } from "./gguf/read.ts";
export { ggufTokenizerMetadata, type TokenizerField } from "./gguf/write.ts";
export type { SpecialTokens } from "./special-tokens.ts";
export {
  type DecodeOptions,
  defaultTokenizerPath,
  type EncodeOptions,
  loadTokenizer,
  type Tokenizer,
  tokenizerFromGguf,
} from "./tokenizer.ts";
