/** Whether checkpoints have the same tensors, so that they can be merged one by one. */
import { TuttiError } from "../../support/errors.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import type { Checkpoint, SafetensorsDType } from "../../weights/index.ts";
import type { OpenModels } from "./checkpoint-tensors.ts";

export interface SharedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the base stores it. */
  readonly dtype: SafetensorsDType;
  /** Floating-point numbers are merged; what else there is (positions, flags) is the base's. */
  readonly isMerged: boolean;
}

/** A tied head is the embedding once more: some writers keep it, others do not, and loaders make it again. */
const TIED_HEAD = "lm_head.weight";
const MERGED_DTYPES: readonly SafetensorsDType[] = ["F32", "F16", "BF16"];

const listed = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");

function checkNames(base: Checkpoint, model: Checkpoint, names: readonly string[], isTied: boolean): void {
  const missing = names.filter((name) => !model.entries.has(name));
  const known = new Set(names);
  const foreign = [...model.entries.keys()].filter(
    (name) => !known.has(name) && !(isTied && name === TIED_HEAD),
  );
  if (missing.length === 0 && foreign.length === 0) return;
  const parts = [
    ...(missing.length > 0 ? [`lacks ${listed(missing)}`] : []),
    ...(foreign.length > 0 ? [`has ${listed(foreign)} which the base has not`] : []),
  ];
  throw new TuttiError("WEIGHTS_MISMATCH", `${model.path}: ${parts.join(", and ")}`, {
    details: {
      path: model.path,
      base: base.path,
      missing: missing.slice(0, 100),
      foreign: foreign.slice(0, 100),
    },
    hint: "only checkpoints of one architecture and size are merged, adapters merged into their models first",
  });
}

function checkTensor(base: Checkpoint, model: Checkpoint, name: string): void {
  const [expected, received] = [base.entries.get(name)!, model.entries.get(name)!];
  if (!sameShape(expected.shape, received.shape)) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `${model.path}: tensor "${name}" is ${formatShape(received.shape)}, the base's is ${formatShape(expected.shape)}`,
      {
        details: { path: model.path, tensor: name, received: received.shape, expected: expected.shape },
        hint: "only models of one size are merged; embeddings differ in rows where a vocabulary was extended",
      },
    );
  }
  const isFloat = ({ dtype }: { dtype: SafetensorsDType }): boolean => /^B?F\d+$/.test(dtype);
  const isMerged = ({ dtype }: { dtype: SafetensorsDType }): boolean => MERGED_DTYPES.includes(dtype);
  const wrong =
    isFloat(expected) || isFloat(received) ? [expected, received].find((one) => !isMerged(one)) : undefined;
  if (wrong === undefined) return;
  throw new TuttiError(
    "DTYPE_MISMATCH",
    `${model.path}: tensor "${name}" is ${received.dtype}, the base's ${expected.dtype}`,
    {
      details: { path: model.path, tensor: name, received: received.dtype, expected: expected.dtype },
      hint: `numbers are merged from ${MERGED_DTYPES.join(", ")}: convert the model with \`tutti model convert\` first`,
    },
  );
}

/**
 * The tensors that base and models have in common, in the order of the base.
 *
 * @param isTied whether the head is the embedding: then the head's tensor, where only some of the models have one, is left out
 * @throws {TuttiError} WEIGHTS_MISMATCH (other names), SHAPE_MISMATCH, DTYPE_MISMATCH, each naming model and tensor
 */
export function sharedTensors({ base, models }: OpenModels, isTied: boolean): SharedTensor[] {
  const leavesHead = isTied && models.some(({ entries }) => !entries.has(TIED_HEAD));
  const names = [...base.entries.keys()].filter((name) => !(leavesHead && name === TIED_HEAD));
  for (const model of models) {
    checkNames(base, model, names, isTied);
    for (const name of names) checkTensor(base, model, name);
  }
  return names.map((name) => {
    const { shape, dtype } = base.entries.get(name)!;
    return { name, shape, dtype, isMerged: MERGED_DTYPES.includes(dtype) };
  });
}
