export { type ClusterChange, type DriftOptions, type DriftReport, detectDrift } from "./detect.ts";
export { formatDrift } from "./format.ts";
export {
  buildDriftMonitor,
  type DriftMonitor,
  distinctPrompts,
  loadDriftMonitor,
  MIN_TRAINING_PROMPTS,
  saveDriftMonitor,
} from "./monitor.ts";
