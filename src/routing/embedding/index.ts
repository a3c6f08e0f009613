export {
  CachingEmbedder,
  type Embedder,
  embedMatrix,
  isZeroVector,
  normaliseLength,
  requireEmbedder,
} from "./embedder.ts";
export { EncoderEmbedder } from "./encoder-embedder.ts";
export { TFIDF_LSA_KIND, TfidfLsaEmbedder, type TfidfLsaOptions } from "./tfidf-lsa-embedder.ts";
