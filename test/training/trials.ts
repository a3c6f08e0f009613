/** Small runs that together use every option of the trainer; each is stopped, broken and resumed by tests. */
import { ADAPTER, BUCKETS, PACKED, type TinyRun } from "./tiny-fine-tuning.ts";

const SMALL = { batching: PACKED, epochs: 30, accumulation: 1, learningRate: 2e-3 } as const;

export const TRIALS: Readonly<Record<string, TinyRun>> = {
  "adamw, constant": {
    ...SMALL,
    optimizer: { kind: "adamw" },
    schedule: (totalSteps) => ({ kind: "constant", warmupSteps: 2, totalSteps }),
  },
  "8-bit adamw, linear, LoRA with dropout over float16, accumulated": {
    ...SMALL,
    accumulation: 2,
    optimizer: { kind: "adamw-8bit", minimumElements: 64 },
    schedule: (totalSteps) => ({ kind: "linear", warmupSteps: 2, totalSteps }),
    adapter: ADAPTER,
    isHalf: true,
  },
  "sgd, cosine, length buckets": {
    ...SMALL,
    batching: BUCKETS,
    optimizer: { kind: "sgd" },
    schedule: (totalSteps) => ({ kind: "cosine", warmupSteps: 2, totalSteps }),
  },
  "nesterov sgd, linear wsd, last layer over float16": {
    ...SMALL,
    optimizer: { kind: "sgd", momentum: 0.9, isNesterov: true },
    isTrained: (name) => name.startsWith("model.layers.1."),
    isHalf: true,
  },
  "momentum sgd, first layer through a frozen one": {
    ...SMALL,
    optimizer: { kind: "sgd", momentum: 0.9 },
    isTrained: (name) => name.startsWith("model.layers.0."),
  },
  "lion, cosine wsd, rsLoRA with dropout over float16, attention recomputed, length buckets": {
    ...SMALL,
    batching: BUCKETS,
    accumulation: 3,
    optimizer: { kind: "lion" },
    schedule: (totalSteps) => ({
      kind: "wsd",
      decayShape: "cosine",
      warmupSteps: 1,
      decaySteps: 6,
      totalSteps,
    }),
    adapter: { ...ADAPTER, isRankStabilized: true },
    recompute: ["attention"],
    isHalf: true,
  },
  "adafactor, 1-sqrt wsd, layers recomputed": {
    ...SMALL,
    optimizer: { kind: "adafactor" },
    schedule: (totalSteps) => ({
      kind: "wsd",
      decayShape: "1-sqrt",
      minimumFactor: 0.1,
      warmupSteps: 1,
      decaySteps: 6,
      totalSteps,
    }),
    recompute: ["layer"],
  },
  "muon, DoRA with dropout over float16, layers recomputed": {
    ...SMALL,
    optimizer: { kind: "muon" },
    adapter: { ...ADAPTER, usesDora: true },
    recompute: ["layer"],
    isHalf: true,
  },
  "muon, accumulated": { ...SMALL, accumulation: 2, optimizer: { kind: "muon" } },
};

/** Those that are also killed; see fine-tuning-resume.slow.test.ts. */
export const KILLED_TRIALS: readonly string[] = [
  "8-bit adamw, linear, LoRA with dropout over float16, accumulated",
  "adafactor, 1-sqrt wsd, layers recomputed",
];
