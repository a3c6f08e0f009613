export { type EnsembleMember, EnsembleRouter, fitEnsemble } from "./ensemble-router.ts";
