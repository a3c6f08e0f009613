/** Failures as OpenAI clients expect them: one status, and a body `{error: {message, type, param, code}}`. */
import { type ErrorCode, TuttiError } from "../../support/errors.ts";

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    /** Request field that is wrong, such as `messages[0].role`. */
    readonly param: string | null;
    readonly code: string;
  };
}

interface ErrorRow {
  readonly httpStatus: 400 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 502 | 503 | 504;
  readonly openaiType: "invalid_request_error" | "rate_limit_error" | "server_error";
}

/** Codes that clients may see. All others are the gateway's own trouble: 500, without details. */
const ERROR_TABLE: Readonly<Partial<Record<ErrorCode, ErrorRow>>> = {
  REQUEST_INVALID: { httpStatus: 400, openaiType: "invalid_request_error" },
  REQUEST_TOO_LARGE: { httpStatus: 413, openaiType: "invalid_request_error" },
  MEDIA_TYPE_UNSUPPORTED: { httpStatus: 415, openaiType: "invalid_request_error" },
  ROUTE_NOT_FOUND: { httpStatus: 404, openaiType: "invalid_request_error" },
  METHOD_NOT_ALLOWED: { httpStatus: 405, openaiType: "invalid_request_error" },
  MODEL_NOT_FOUND: { httpStatus: 404, openaiType: "invalid_request_error" },
  DECISION_NOT_FOUND: { httpStatus: 404, openaiType: "invalid_request_error" },
  ANSWER_NOT_FOUND: { httpStatus: 404, openaiType: "invalid_request_error" },
  FEEDBACK_CONFLICT: { httpStatus: 409, openaiType: "invalid_request_error" },
  STORE_FAILED: { httpStatus: 503, openaiType: "server_error" },
  NO_CANDIDATE: { httpStatus: 400, openaiType: "invalid_request_error" },
  BUDGET_EXHAUSTED: { httpStatus: 429, openaiType: "rate_limit_error" },
  REPLAY_MISSING: { httpStatus: 404, openaiType: "invalid_request_error" },
  UPSTREAM_REJECTED: { httpStatus: 400, openaiType: "invalid_request_error" },
  UPSTREAM_RATE_LIMITED: { httpStatus: 429, openaiType: "rate_limit_error" },
  UPSTREAM_FAILED: { httpStatus: 502, openaiType: "server_error" },
  UPSTREAM_TIMEOUT: { httpStatus: 504, openaiType: "server_error" },
};

export interface WireError {
  readonly httpStatus: ErrorRow["httpStatus"];
  readonly body: ErrorBody;
  /** Seconds after which the client may try again, when the provider said so. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * Status and body for whatever was thrown. `details.param` names the field; `details.reason` replaces the code where
 * OpenAI has a finer one (`missing_required_parameter`).
 *
 * @param requestId tells the client what to look for in the gateway's log after an internal failure
 */
export function toWireError(thrown: unknown, requestId: string): WireError {
  const row = TuttiError.is(thrown) ? ERROR_TABLE[thrown.code] : undefined;
  if (!TuttiError.is(thrown) || row === undefined) {
    const message = `the gateway failed internally; its log tells more under request id ${requestId}`;
    const body = { error: { message, type: "server_error", param: null, code: "internal_error" } };
    return { httpStatus: 500, body, retryAfterSeconds: undefined };
  }
  const { param, reason, retryAfterSeconds } = thrown.details;
  return {
    httpStatus: row.httpStatus,
    body: {
      error: {
        message: thrown.hint === undefined ? thrown.message : `${thrown.message}; ${thrown.hint}`,
        type: row.openaiType,
        param: typeof param === "string" ? param : null,
        code: typeof reason === "string" ? reason : thrown.code.toLowerCase(),
      },
    },
    retryAfterSeconds: typeof retryAfterSeconds === "number" ? retryAfterSeconds : undefined,
  };
}

/** What the log calls a failure: our code, or `INTERNAL`. */
export function errorCodeOf(thrown: unknown): string {
  return TuttiError.is(thrown) ? thrown.code : "INTERNAL";
}
