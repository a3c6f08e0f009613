/** Decisions as rows of the store. */
import { selectionKey } from "../store/keys.ts";
import type { SelectionRow } from "../store/rows.ts";
import type { Selection } from "./selector.ts";

/** One row a decision, and one more for the source's answer of a triple; `createdAt` is ISO 8601, UTC. */
export function* selectionRows(
  { selector: { name, options }, decisions }: Selection,
  createdAt: string,
): Generator<SelectionRow> {
  for (const { group, answer, rejected, sourceChosen, isKept, reason } of decisions) {
    const common = { selector: name, options, promptKey: group.promptKey };
    const rows = [
      {
        ...common,
        ...(answer && { responseKey: answer.key }),
        ...(rejected && { rejectedKey: rejected.key }),
      },
      ...(sourceChosen ? [{ ...common, responseKey: sourceChosen.key }] : []),
    ];
    for (const row of rows) yield { key: selectionKey(row), ...row, isKept, reason, createdAt };
  }
}
