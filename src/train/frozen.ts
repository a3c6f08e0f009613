/** Parameter subsets: what a task trains, and a digest of what it does not. */
import { createHash } from "node:crypto";
import type { Parameters } from "../nn/parameters.ts";
import type { ParameterGroup } from "../optim/optimizer.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { createBreather, inPieces } from "../support/event-loop.ts";
import type { HostTensor } from "../tensor/host-tensor.ts";
import type { TrainingTask } from "./task.ts";

/**
 * Splits by the task's `trainable`.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when `trainable` or a group names a parameter that is not there or not trained,
 *   or one is given in both precisions
 */
export function splitTrained(
  task: Pick<TrainingTask, "trainable" | "half">,
  parameters: Parameters,
  groups: readonly ParameterGroup[],
): { readonly trained: Parameters; readonly frozen: Parameters } {
  const names = Object.keys(parameters);
  const trainable = new Set(task.trainable ?? names);
  for (const name of trainable) {
    if (!Object.hasOwn(parameters, name)) {
      throw new TuttiError("INVALID_ARGUMENT", `trainable parameter "${name}" is not in the model`, {
        details: { name },
        hint: didYouMean(name, names) || "list names of the model's specs",
      });
    }
  }
  for (const name of Object.keys(task.half ?? {})) {
    if (Object.hasOwn(parameters, name)) {
      throw new TuttiError("INVALID_ARGUMENT", `parameter "${name}" is given in both precisions`, {
        details: { name },
        hint: "train with what narrowParameters leaves in float32",
      });
    }
  }
  for (const name of groups.flatMap((group) => group.names)) {
    if (!trainable.has(name)) {
      throw new TuttiError("INVALID_ARGUMENT", `an optimiser group holds "${name}", which is not trained`, {
        details: { name },
        hint: didYouMean(name, [...trainable]) || "put trained parameters only into groups",
      });
    }
  }
  const pick = (isTrained: boolean): Parameters =>
    Object.fromEntries(Object.entries(parameters).filter(([name]) => trainable.has(name) === isTrained));
  return { trained: pick(true), frozen: pick(false) };
}

/** SHA-256 over names and values, hexadecimal; empty when nothing is frozen. */
export async function frozenDigest(frozen: Readonly<Record<string, HostTensor>>): Promise<string> {
  const names = Object.keys(frozen).sort();
  if (names.length === 0) return "";
  const hash = createHash("sha256");
  const breathe = createBreather();
  for (const name of names) {
    const { data } = frozen[name]!;
    hash.update(`${name}\n`);
    await inPieces(breathe, data.length, (start, end) => {
      const { buffer, byteOffset, byteLength } = data.subarray(start, end);
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    });
  }
  return hash.digest("hex");
}
