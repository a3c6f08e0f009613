export { type CandidateEvidence, candidateEvidence } from "./candidate-evidence.ts";
export { withoutCandidates } from "./candidate-view.ts";
export { type GrowableModel, type GrowableRouter, isGrowable, isGrowableModel } from "./growable.ts";
export { shrunkenMeans } from "./shrunken-means.ts";
