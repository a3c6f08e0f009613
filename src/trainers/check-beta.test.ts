import { expect, test } from "vitest";
import { betaWarning } from "./check-beta.ts";

test.each([
  [10, true, 300, undefined],
  [0.01, false, 300, undefined],
  [0.1, false, 20, undefined],
  [2, true, 50, undefined],
  [0.01, true, 300, /hardly differ.*Use 0\.3 to 300/],
  [10, false, 300, /runs away.*Use 0\.001 to 1, or switch it on/],
  [100, true, 20, /runs away/],
])("beta %d, normalised %s, %d tokens", (beta, isLengthNormalised, meanTokens, expected) => {
  const warning = betaWarning({ beta, isLengthNormalised }, meanTokens);
  if (expected === undefined) expect(warning).toBeUndefined();
  else expect(warning).toMatch(expected);
});
