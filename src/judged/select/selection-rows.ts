/** Decisions as rows of the store. */
import { selectionKey } from "../store/keys.ts";
import type { SelectionRow } from "../store/rows.ts";
import type { Selection } from "./selector.ts";

/** One row a decision; `createdAt` is ISO 8601, UTC. */
export function* selectionRows(
  { selector: { name, options }, decisions }: Selection,
  createdAt: string,
): Generator<SelectionRow> {
  for (const { group, answer, rejected, isKept, reason } of decisions) {
    const row = {
      selector: name,
      options,
      promptKey: group.promptKey,
      ...(answer && { responseKey: answer.key }),
      ...(rejected && { rejectedKey: rejected.key }),
    };
    yield { key: selectionKey(row), ...row, isKept, reason, createdAt };
  }
}
