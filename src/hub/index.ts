/** Models from the Hugging Face hub or a mirror of it, in a cache that Python's libraries share. */
export {
  type CachedModel,
  type DamagedFile,
  listCachedModels,
  removeDamaged,
  verifyCachedModel,
} from "./cache.ts";
export { type PulledModel, type PullOptions, type PullProgress, pullModel, resolveModel } from "./pull.ts";
export {
  formatHubReference,
  type HubReference,
  type ModelReference,
  type PathReference,
  parseModelReference,
} from "./reference.ts";
export { type HubSettings, hubSettings } from "./settings.ts";
