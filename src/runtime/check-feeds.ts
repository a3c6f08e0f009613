/** Feed checks shared by the backends. */
import { inputName, type Value } from "../graph/ir.ts";
import { TuttiError } from "../support/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Feeds } from "./backend.ts";

/** @throws {TuttiError} naming the input, what it must be and what was given */
export function checkFeeds(inputs: readonly Value[], feeds: Feeds): void {
  for (const input of inputs) {
    const name = inputName(input);
    const feed = feeds[name];
    if (!feed) {
      throw new TuttiError("INVALID_ARGUMENT", `graph input "${name}" was not fed`, { details: { name } });
    }
    if (feed.dtype !== input.dtype) {
      throw new TuttiError(
        "DTYPE_MISMATCH",
        `graph input "${name}" is ${input.dtype}, was fed ${feed.dtype}`,
      );
    }
    const fits =
      feed.shape.length === input.shape.length &&
      input.shape.every((dimension, axis) => typeof dimension === "string" || dimension === feed.shape[axis]);
    if (!fits) {
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `graph input "${name}" is ${formatShape(input.shape)}, was fed ${formatShape(feed.shape)}`,
      );
    }
  }
}
