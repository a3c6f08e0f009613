import { type ErrorDetails, TuttiError } from "../../support/errors.ts";

/** The error of every malformed file; `message` says which part and which numbers. */
export function invalidGguf(
  path: string,
  message: string,
  details: ErrorDetails = {},
  cause?: unknown,
): TuttiError {
  return new TuttiError("GGUF_INVALID", `${path}: ${message}`, {
    details: { path, ...details },
    hint: "the file is damaged, incomplete or not a GGUF file: download or convert it again",
    ...(cause === undefined ? {} : { cause }),
  });
}
