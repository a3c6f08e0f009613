/** Parsers of command-line values. */
import { TuttiError } from "../support/errors.ts";

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
