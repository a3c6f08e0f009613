/** Where commands speak: results on stdout, talk on stderr. The only code that writes to the terminal. */
import { TuttiError } from "../support/errors.ts";
import { leaveProgressLine } from "./progress.ts";

export function printResult(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** A part of a result, as it is: for text that comes piece by piece. */
export function printPart(text: string): void {
  process.stdout.write(text);
}

export function say(text: string): void {
  leaveProgressLine(process.stderr);
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Characters that make a terminal move, colour or clear, but for line ends and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from files of others as it can be shown: control characters spelled out. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** 0 done, 1 domain failure, 2 usage or configuration, 3 something that is called is not there or fails, 130 interrupted. */
export function exitCodeOf(error: unknown): number {
  if (!TuttiError.is(error)) return 1;
  switch (error.code) {
    case "INTERRUPTED":
      return 130;
    case "INVALID_ARGUMENT":
    case "CONFIG_INVALID":
    case "POOL_INVALID":
    case "POLICY_INVALID":
    case "SECRET_MISSING":
      return 2;
    case "UPSTREAM_FAILED":
    case "UPSTREAM_TIMEOUT":
    case "HUB_UNREACHABLE":
    case "HUB_FAILED":
    case "STORE_UNREACHABLE":
      return 3;
    default:
      return 1;
  }
}

/** One sentence, what to do, and the stack only when asked for by TUTTI_DEBUG. */
export function sayError(error: unknown): void {
  if (TuttiError.is(error)) {
    say(`error ${error.code}: ${printable(error.message)}`);
    if (error.hint) say(`  ${printable(error.hint)}`);
  } else {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (process.env.TUTTI_DEBUG && error instanceof Error) say(error.stack ?? "");
  else if (!TuttiError.is(error)) say("  set TUTTI_DEBUG=1 to see where");
}

/** Aborts on the first Ctrl-C; the second ends the process at once. */
export function interruptSignal(
  notice = "stopping after this step; press Ctrl-C again to stop at once",
): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(130);
    say(notice);
    controller.abort();
  });
  return controller.signal;
}
