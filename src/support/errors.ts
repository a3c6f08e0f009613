/**
 * Typed errors: every failure a caller may meet carries a stable `code`, structured `details` and, where one
 * is known, a `hint` that says what to do. Text is for people, codes are for programs.
 */

/** Stable codes. Adding one is an API change; removing or renaming one is a breaking change. */
export type ErrorCode =
  // wrong use and bad input
  | "INVALID_ARGUMENT"
  | "FILE_NOT_FOUND"
  | "FILE_CORRUPT"
  | "FILE_WRITE_FAILED"
  | "RECORD_INVALID"
  | "DATASET_INVALID"
  | "CONFIG_INVALID"
  | "UNKNOWN_CANDIDATE"
  // engine
  | "SHAPE_MISMATCH"
  | "DTYPE_MISMATCH"
  | "UNSUPPORTED_OP"
  | "GRAPH_INVALID"
  | "BACKEND_FAILED"
  | "PROVIDER_UNAVAILABLE"
  | "NON_FINITE"
  // models and weights
  | "SAFETENSORS_INVALID"
  | "GGUF_INVALID"
  | "WEIGHTS_MISMATCH"
  | "MODEL_CONFIG_UNSUPPORTED"
  | "EXPORT_INVALID"
  | "TOKENIZER_INVALID"
  | "TOKENIZER_MISMATCH"
  | "CHAT_TEMPLATE_INVALID"
  // the model hub
  | "HUB_OFFLINE"
  | "HUB_UNREACHABLE"
  | "HUB_REFUSED"
  | "HUB_NOT_FOUND"
  | "HUB_FAILED"
  | "HUB_ANSWER_INVALID"
  | "HUB_CHECKSUM_MISMATCH"
  // training
  | "CHECKPOINT_INVALID"
  | "CHECKPOINT_MISMATCH"
  | "INTERRUPTED"
  // routing
  | "ROUTER_INVALID"
  | "POLICY_INVALID"
  | "NO_CANDIDATE"
  | "BUDGET_EXHAUSTED"
  // the store of judged responses
  | "STORE_INVALID"
  | "STORE_UNREACHABLE"
  | "STORE_FAILED"
  // judges
  | "JUDGE_INVALID"
  | "JUDGE_FAILED"
  // pool and gateway
  | "POOL_INVALID"
  | "REQUEST_INVALID"
  | "MODEL_NOT_FOUND"
  | "DECISION_NOT_FOUND"
  | "ANSWER_NOT_FOUND"
  | "FEEDBACK_CONFLICT"
  | "REPLAY_MISSING"
  | "UPSTREAM_FAILED"
  | "UPSTREAM_TIMEOUT"
  | "UPSTREAM_REJECTED"
  | "UPSTREAM_RATE_LIMITED"
  | "REQUEST_TOO_LARGE"
  | "MEDIA_TYPE_UNSUPPORTED"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "LISTEN_FAILED"
  | "SECRET_MISSING";

/** What an error says beyond its message. Values are JSON-serialisable and never contain secrets. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface TuttiErrorOptions {
  readonly details?: ErrorDetails;
  /** One sentence: what to do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("tutti.error");

/** Base of all domain failures. Recognise it with {@link TuttiError.is}, which works across package copies. */
export class TuttiError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: TuttiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TuttiError";
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static is(value: unknown): value is TuttiError {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** Internal invariant: a failure here is a bug in Tutti, not in its input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}

/** Wraps whatever was thrown so that `message` can be read safely. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
