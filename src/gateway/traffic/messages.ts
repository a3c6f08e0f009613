/** What the gateway and the process that writes its traffic say to each other. */
import type { RowSet } from "../../judged/index.ts";

export type ToWriter =
  | { readonly kind: "open"; readonly store: string }
  | { readonly kind: "write"; readonly rows: Required<Omit<RowSet, "judgements">> };

/** One answer to every message. */
export type FromWriter =
  | { readonly kind: "done" }
  /** `isLasting`: the rows are at fault, so that trying again is of no use. */
  | { readonly kind: "failed"; readonly message: string; readonly isLasting: boolean };
