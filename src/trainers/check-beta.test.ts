import { expect, test } from "vitest";
import { betaWarning } from "./check-beta.ts";
import { directPreference, unpairedPreference } from "./objectives.ts";

test.each([
  [10, true, 300, undefined],
  [0.01, false, 300, undefined],
  [0.1, false, 20, undefined],
  [2, true, 50, undefined],
  [0.01, true, 300, /hardly differ.*Use 0\.3 to 300, or switch length normalisation off\.$/],
  [10, false, 300, /runs away.*Use 0\.001 to 1, or switch length normalisation on\.$/],
  [100, true, 20, /runs away.*Use 0\.02 to 20\.$/],
  [1e-4, false, 300, /hardly differ.*Use 0\.001 to 1\.$/],
  [1e-4, true, 300, /hardly differ.*Use 0\.3 to 300\.$/],
])("beta %d, normalised %s, %d tokens", (beta, isLengthNormalised, meanTokens, expected) => {
  const warning = betaWarning({ beta, isLengthNormalised }, meanTokens);
  if (expected === undefined) expect(warning).toBeUndefined();
  else expect(warning).toMatch(expected);
});

test("IPO's beta scales no reward, KTO has no choice of normalising", () => {
  expect(directPreference({ loss: "ipo", beta: 0.1, isLengthNormalised: false }).reward).toBeUndefined();
  const weights = { desirableWeight: 1, undesirableWeight: 1 };
  const { reward } = unpairedPreference({ beta: 10, ...weights });
  expect(betaWarning(reward!, 300)).toMatch(/Use 0\.001 to 1\.$/);
});
