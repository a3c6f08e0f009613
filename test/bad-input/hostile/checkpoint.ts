/** Training checkpoints: their metadata, their tensors, and what stands where they should. */
import { truncateSync } from "node:fs";
import { join } from "node:path";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { loadCheckpoint, loadParameters } from "../../../src/train/checkpoint.ts";
import { readSafetensors, type TensorToWrite, writeSafetensors } from "../../../src/weights/index.ts";
import { FINGERPRINT, trainingState } from "./base.ts";
import { put, safetensors } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { NO_FILES } from "./places.ts";

const NAME = "checkpoint.safetensors";
const INVALID: readonly ErrorCode[] = ["CHECKPOINT_INVALID"];

type Metadata = Record<string, string>;

function load(path: string): void {
  const state = trainingState();
  loadCheckpoint(path, state, FINGERPRINT);
  if (!Number.isSafeInteger(state.step) || !Number.isSafeInteger(state.optimizer.steps))
    throw new Error(`goes on at step ${state.step} of ${state.optimizer.steps}`);
}

function harmed(
  name: string,
  harm: (metadata: Metadata, tensors: Map<string, TensorToWrite>) => void,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase {
  return {
    name,
    run: ({ base, folder }) => {
      const file = readSafetensors(base.checkpoint);
      const metadata: Metadata = { ...file.metadata };
      const tensors = new Map<string, TensorToWrite>(file.tensors);
      harm(metadata, tensors);
      const path = join(folder, NAME);
      writeSafetensors(path, [...tensors.values()], metadata);
      load(path);
    },
    codes,
    mentions: [NAME, ...mentions],
  };
}

const progress = (text: string): HostileCase =>
  harmed(
    `progress ${text.slice(0, 60)}`,
    (metadata) => {
      metadata.progress = text;
    },
    INVALID,
    "progress",
  );

const PROGRESS: readonly HostileCase[] = [
  ...["", "null", "[]", "5", "{", "{}", "nonsense", '{"__proto__":{"step":1}}', "[".repeat(100_000)].map(
    progress,
  ),
  ...[null, -1, 1.5, "7", 1e300, [7], {}].map((step) =>
    progress(JSON.stringify({ step, optimizerSteps: 7, best: null })),
  ),
  progress('{"step":1e999,"optimizerSteps":7,"best":null}'),
  ...[null, -1, 0.5, "7"].map((optimizerSteps) =>
    progress(JSON.stringify({ step: 7, optimizerSteps, best: null })),
  ),
  ...[5, "x", [], {}, { value: "1", step: 2 }, { value: 1, step: -2 }, { value: null, step: 2 }].map((best) =>
    progress(JSON.stringify({ step: 7, optimizerSteps: 7, best })),
  ),
  harmed("no progress", (metadata) => delete metadata.progress, INVALID, "progress"),
];

const METADATA: readonly HostileCase[] = [
  ...["tutti-checkpoint-1", "", "__proto__"].map((format) =>
    harmed(
      `format ${shown(format)}`,
      (metadata) => {
        metadata.format = format;
      },
      INVALID,
    ),
  ),
  harmed(
    "another optimiser",
    (metadata) => {
      metadata.optimizer = "evil";
    },
    ["CHECKPOINT_MISMATCH"],
    "evil",
  ),
  harmed(
    "another fingerprint",
    (metadata) => {
      metadata.fingerprint = "other";
    },
    ["CHECKPOINT_MISMATCH"],
  ),
  harmed(
    "other frozen weights",
    (metadata) => {
      metadata.frozen = "0".repeat(64);
    },
    ["CHECKPOINT_MISMATCH"],
  ),
  harmed(
    "no metadata",
    (metadata) => {
      for (const key of Object.keys(metadata)) delete metadata[key];
    },
    INVALID,
  ),
];

const PARAMETER = "parameter.layer.weight";

const TENSORS: readonly HostileCase[] = [
  harmed("a parameter left out", (_, tensors) => tensors.delete(PARAMETER), INVALID, PARAMETER),
  harmed(
    "a parameter of another size",
    (_, tensors) => {
      tensors.set(PARAMETER, { name: PARAMETER, dtype: "F32", shape: [7], data: new Float32Array(7) });
    },
    INVALID,
    PARAMETER,
  ),
  harmed(
    "a parameter of integers",
    (_, tensors) => {
      tensors.set(PARAMETER, { name: PARAMETER, dtype: "I32", shape: [6], data: new Int32Array(6) });
    },
    INVALID,
    PARAMETER,
  ),
  harmed(
    "the optimiser's state left out",
    (_, tensors) => {
      for (const name of tensors.keys()) if (name.startsWith("optimizer.")) tensors.delete(name);
    },
    INVALID,
    "optimizer.",
  ),
  {
    name: "a parameter of a terabyte of holes",
    run: (place) => {
      const bytes = 2 ** 40;
      const file = safetensors(
        { [PARAMETER]: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } },
        0,
      );
      const path = put(place, NAME, file);
      truncateSync(path, file.length + bytes);
      load(path);
    },
    codes: ["CHECKPOINT_INVALID", "SAFETENSORS_INVALID"],
    mentions: [NAME],
  },
  ...Object.entries(NO_FILES)
    .filter(([kind]) => kind !== "a link to itself")
    .map(
      ([kind, make]): HostileCase => ({
        name: `instead of the file: ${kind}`,
        run: ({ folder }) => load(make(join(folder, NAME))),
        codes: ["SAFETENSORS_INVALID"],
        mentions: [NAME],
      }),
    ),
  {
    name: "parameters called __proto__",
    run: (place) => {
      const header = '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
      const parameters = loadParameters(put(place, NAME, safetensors(header, 4)));
      if (Object.keys(parameters).join() !== "__proto__") throw new Error("the parameter is lost");
    },
    codes: [],
    mentions: [],
  },
];

export const CASES: readonly HostileCase[] = [...PROGRESS, ...METADATA, ...TENSORS];
