export { type ErrorCode, type ErrorDetails, TuttiError, type TuttiErrorOptions } from "./errors.ts";
export { createJsonLinesLogger, type LogFields, type Logger, silentLogger } from "./logger.ts";
export { version } from "./version.ts";
