/** What would have to be different for another model to answer, of the decision that was really made. */
import { applyPolicy, type Policy, type PolicyInput, whatWouldChange } from "../routing/policy/index.ts";
import type { Explanation } from "./explanation-text.ts";

/**
 * What would change the decision. Without a policy the scores decide: where expected quality agrees with them its changes
 * hold, and where it does not, it is said whom it would choose, and nothing of a decision that was not made.
 */
export function alternatives(
  model: string,
  policy: Policy | undefined,
  input: PolicyInput,
): Partial<Pick<Explanation, "byExpectedQuality" | "whatWouldChange">> {
  if (policy !== undefined) return { whatWouldChange: whatWouldChange(policy, input) };
  const best: Policy = { choose: "best-quality" };
  const { model: other, explanation } = applyPolicy(best, input);
  if (other !== model) return { byExpectedQuality: { model: other, reason: explanation } };
  return { whatWouldChange: whatWouldChange(best, input) };
}
