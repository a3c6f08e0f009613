/** What no policy may override: lists, context length, tools and images. */
import { TuttiError } from "../../support/errors.ts";
import type { CandidateEstimate, Exclusion, Policy, PromptFacts, Selection } from "./policy.ts";

/** Why a model cannot or may not answer; undefined when it can. */
export function constraintAgainst(
  estimate: CandidateEstimate,
  prompt: PromptFacts,
  { allow, deny }: Pick<Policy, "allow" | "deny">,
): string | undefined {
  const { model, contextWindowTokens: window } = estimate;
  if (deny?.includes(model)) return "it is on the deny list";
  if (allow !== undefined && !allow.includes(model)) return "it is not on the allow list";
  const answerTokens = prompt.maxCompletionTokens ?? Math.round(estimate.completionTokens ?? 0);
  if (window !== undefined && prompt.promptTokens + answerTokens > window) {
    return `its context window of ${window} tokens is shorter than the prompt (about ${prompt.promptTokens}) and the answer (${answerTokens})`;
  }
  if (prompt.hasTools && estimate.supportsTools === false)
    return "the request has tools, which it cannot use";
  if (prompt.hasImages && estimate.supportsImages === false) {
    return "the request has images, which it cannot see";
  }
  return undefined;
}

/** @throws {TuttiError} NO_CANDIDATE when nobody is left, naming each reason */
export function applyConstraints(
  estimates: readonly CandidateEstimate[],
  prompt: PromptFacts,
  lists: Pick<Policy, "allow" | "deny">,
): Selection {
  const excluded: Exclusion[] = [];
  const kept = estimates.filter((estimate) => {
    const reason = constraintAgainst(estimate, prompt, lists);
    if (reason !== undefined) excluded.push({ model: estimate.model, reason });
    return reason === undefined;
  });
  if (kept.length > 0) return { kept, excluded };
  throw noCandidate("no candidate can answer this request", excluded);
}

export function noCandidate(problem: string, excluded: readonly Exclusion[]): TuttiError {
  const reasons = excluded.map(({ model, reason }) => `${model}: ${reason}`).join("; ");
  return new TuttiError("NO_CANDIDATE", `${problem} (${reasons})`, {
    details: { excluded },
    hint: "ask for less, name a model, or change the policy",
  });
}
