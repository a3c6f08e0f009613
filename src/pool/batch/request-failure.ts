/** Why a single request of a batch has no answer. */
import { type ErrorCode, TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { isRetryable } from "../retries.ts";
import type { BatchResult } from "../upstream.ts";

/** What the provider found wrong with the request itself. */
const REJECTED_STATUSES = new Set([400, 413, 422]);

/** @param status as the same request would have been answered alone; undefined where it was never begun */
export function failedRequest(
  model: string,
  id: string,
  { status, said }: { readonly status: number | undefined; readonly said: unknown },
): BatchResult {
  const { code, message } = isJsonObject(said) ? said : {};
  const words = [message, code].find((text) => typeof text === "string" && text !== "") ?? "no reason given";
  const failureCode: ErrorCode =
    status !== undefined && REJECTED_STATUSES.has(status)
      ? "UPSTREAM_REJECTED"
      : status === 429
        ? "UPSTREAM_RATE_LIMITED"
        : "UPSTREAM_FAILED";
  const failure = new TuttiError(failureCode, `model "${model}": a request of a batch failed: ${words}`, {
    details: { model, ...(status !== undefined && { upstreamStatus: status }) },
    hint: "the same command asks it again in the next batch, unless the provider found it wrong",
  });
  return { id, failure, isFinal: !isRetryable(failure) };
}
