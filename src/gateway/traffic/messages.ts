/** What the gateway and the process that writes its traffic say to each other. */
import type { RowSet } from "../../judged/index.ts";

/** What somebody thinks of an answer, or of one against another. */
export interface Feedback {
  /** Name that the answer was served under. */
  readonly id: string;
  /** The other answer of a choice. */
  readonly rival?: string | undefined;
  readonly thumb?: "up" | "down" | undefined;
  /** From the side of `id`. */
  readonly choice?: "first" | "second" | "tie" | undefined;
  readonly annotator?: string | undefined;
  readonly round?: string | undefined;
  readonly comment?: string | undefined;
}

export interface KeptFeedback {
  readonly judge: string;
  readonly version: string;
  readonly score: number;
  /** False where the same was said before. */
  readonly isNew: boolean;
}

export type ToWriter =
  | { readonly kind: "open"; readonly store: string }
  | { readonly kind: "write"; readonly rows: Required<Omit<RowSet, "judgements">> }
  | { readonly kind: "judge"; readonly feedback: Feedback };

/** One answer to every message. */
export type FromWriter =
  | { readonly kind: "done" }
  | { readonly kind: "judged"; readonly kept: KeptFeedback }
  /** The feedback is at fault. */
  | {
      readonly kind: "refused";
      readonly code: "ANSWER_NOT_FOUND" | "REQUEST_INVALID" | "FEEDBACK_CONFLICT";
      readonly field: string;
      readonly message: string;
      readonly hint: string;
    }
  /** `isLasting`: the rows are at fault, so that trying again is of no use. */
  | { readonly kind: "failed"; readonly message: string; readonly isLasting: boolean };
