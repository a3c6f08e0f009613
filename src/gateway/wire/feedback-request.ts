/** The body of `POST /v1/feedback`. */
import { z } from "zod";
import { describeIssue } from "../../config/index.ts";
import type { Feedback } from "../traffic/messages.ts";
import { invalid, REASONS } from "./invalid-request.ts";

const LONGEST_NAME = 200;
const LONGEST_COMMENT = 10_000;

const words = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((text) => text.trim() !== "", "received a blank text, expected one that is not");

const bodySchema = z.strictObject({
  id: words(LONGEST_NAME),
  rival: words(LONGEST_NAME).nullish(),
  thumb: z.enum(["up", "down"]).nullish(),
  choice: z.enum(["first", "second", "tie"]).nullish(),
  annotator: words(LONGEST_NAME).nullish(),
  round: words(LONGEST_NAME).nullish(),
  comment: words(LONGEST_COMMENT).nullish(),
});

/**
 * Checks a parsed body: a thumb, or a choice and the rival it is against.
 *
 * @throws {TuttiError} REQUEST_INVALID with `details {param, reason}` for the first field that is wrong
 */
export function parseFeedback(body: unknown): Feedback {
  const result = bodySchema.safeParse(body);
  if (!result.success) {
    const known = () => Object.keys(bodySchema.shape);
    const { field, problem, kind } = describeIssue(result.error.issues[0]!, body, known);
    throw invalid(field, problem, REASONS[kind]);
  }
  const given = Object.entries(result.data).filter(([, value]) => value !== null && value !== undefined);
  const feedback = Object.fromEntries(given) as unknown as Feedback;
  const { thumb, choice, rival } = feedback;
  if ((thumb === undefined) === (choice === undefined)) {
    const received = thumb === undefined ? "missing" : "given beside choice";
    throw invalid("thumb", `${received}, expected either a thumb or a choice`, REASONS.missing);
  }
  if (choice !== undefined && rival === undefined) {
    throw invalid("rival", "missing, expected the id of the other answer", REASONS.missing);
  }
  if (thumb !== undefined && rival !== undefined) {
    throw invalid("rival", "given beside thumb, which is about one answer", REASONS["wrong-value"]);
  }
  return feedback;
}
