export { CachingEmbedder, type Embedder, embedMatrix, isZeroVector, normaliseLength } from "./embedder.ts";
export { EncoderEmbedder } from "./encoder-embedder.ts";
export { TFIDF_LSA_KIND, TfidfLsaEmbedder, type TfidfLsaOptions } from "./tfidf-lsa-embedder.ts";
