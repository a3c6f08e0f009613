/** What is wrong with a field of a request, as OpenAI's API says it. */
import { TuttiError } from "../../support/errors.ts";

/** By the kind of finding that `describeIssue` gives. */
export const REASONS = {
  missing: "missing_required_parameter",
  "wrong-type": "invalid_type",
  "wrong-value": "invalid_value",
  "unknown-key": "unknown_parameter",
} as const;

/** @param field empty for the body as a whole */
export function invalid(field: string, problem: string, reason: string): TuttiError {
  return new TuttiError("REQUEST_INVALID", `${field === "" ? "request body" : field}: ${problem}`, {
    details: { ...(field === "" ? {} : { param: field }), reason },
  });
}
