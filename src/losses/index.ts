export { binaryCrossEntropyWithLogits } from "./binary-cross-entropy.ts";
export { crossEntropy } from "./cross-entropy.ts";
export { klDivergence } from "./kl-divergence.ts";
export { meanSquaredError } from "./mean-squared-error.ts";
export { reverseKlDivergence } from "./reverse-kl-divergence.ts";
export { type VocabularyCrossEntropyInputs, vocabularyCrossEntropy } from "./vocabulary-cross-entropy.ts";
