/** Structured logging for library code, which never writes to the console by itself. */

/** Values are JSON-serialisable; prompts, responses and secrets are never among them. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Says nothing: the default of library entry points. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * One JSON object per line: `{"time": ISO 8601, "level": ..., "event": ..., ...fields}`.
 *
 * @param write receives each line, newline included
 */
export function createJsonLinesLogger(write: (line: string) => void): Logger {
  const log =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}
