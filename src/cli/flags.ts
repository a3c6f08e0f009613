/** Parsers of command-line values. */
import { TuttiError } from "../support/errors.ts";

/** Parses names with commas between. */
export const nameList = (text: string): string[] => text.split(",").map((name) => name.trim());

/** Parses a whole number of at least `least`. */
export function wholeNumber(name: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `${name} is "${text}", expected a whole number of at least ${least}`,
      );
    }
    return value;
  };
}

/** Parses a number from `least` to `most`, bounds included. */
export function numberBetween(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most)) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `${name} is "${text}", expected a number from ${least} to ${most}`,
      );
    }
    return value;
  };
}

/** For a flag that would silently change nothing. */
export const meansNothing = (flag: string, where: string, hint: string): TuttiError =>
  new TuttiError("INVALID_ARGUMENT", `${flag} means nothing ${where}`, { hint });

const SECONDS = { h: 3600, m: 60, s: 1 } as const;

/** Parses "90s", "20m", "1h30m" or "2h" into seconds. */
export function durationSeconds(name: string): (text: string) => number {
  return (text) => {
    const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
    const [hours = 0, minutes = 0, seconds = 0] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
    const total = hours * SECONDS.h + minutes * SECONDS.m + seconds * SECONDS.s;
    if (!(total > 0 && Number.isFinite(total))) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `${name} is "${text}", expected a time such as 90s, 20m or 1h30m`,
      );
    }
    return total;
  };
}
