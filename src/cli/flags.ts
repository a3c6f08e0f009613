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
