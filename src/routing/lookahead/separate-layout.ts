/** The MLM variant with one sequence per candidate: its scores do not depend on who else is asked. */
import type { EncodedExample, Row } from "./layout.ts";
import { frameRow, rowTokens } from "./layout.ts";
import { candidateKey, type Hiding, hiddenTokens } from "./masking.ts";
import type { LookaheadSettings } from "./settings.ts";

/**
 * One row per candidate: [CLS] prompt [SEP] pad | MID_t r_1 .. r_m [SEP], where hidden response tokens and places
 * behind the response's end are [MASK]. The score is read from MID_t (arXiv 2510.19506, ablation "separate").
 */
export function separateRows(
  settings: LookaheadSettings,
  example: EncodedExample,
  promptTokens: number,
  { rate, key }: Hiding,
): Row[] {
  const { responseTokens: m, candidateTokenIds, tokens: special, masking } = settings;
  const tokens = rowTokens(settings, promptTokens, true);
  return candidateTokenIds.map((candidateToken, t) => {
    const { inputIds, positionIds, attentionBias } = frameRow(settings, example.prompt, promptTokens, tokens);
    const response = example.responses[t]?.tokens ?? new Int32Array();
    const isHidden = hiddenTokens(masking, response.length, rate, candidateKey(key, t));
    const block = Array.from({ length: m }, (_, j) =>
      j < response.length && !isHidden[j] ? response[j]! : special.mask!,
    );
    for (const [j, token] of [candidateToken, ...block, special.sep].entries()) {
      inputIds[promptTokens + j] = token;
      positionIds[promptTokens + j] = example.prompt.length + j;
    }
    const poolingWeights = new Float32Array(tokens);
    poolingWeights[promptTokens] = 1;
    const targets = [...response].flatMap((token, j) =>
      isHidden[j] ? [{ position: promptTokens + 1 + j, token }] : [],
    );
    return { inputIds, positionIds, attentionBias, poolingWeights, targets };
  });
}
