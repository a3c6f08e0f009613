export { binaryCrossEntropyWithLogits } from "./binary-cross-entropy.ts";
export { crossEntropy } from "./cross-entropy.ts";
export { klDivergence, reverseKlDivergence } from "./kl-divergence.ts";
export { meanSquaredError } from "./mean-squared-error.ts";
export { type VocabularyCrossEntropyInputs, vocabularyCrossEntropy } from "./vocabulary-cross-entropy.ts";
