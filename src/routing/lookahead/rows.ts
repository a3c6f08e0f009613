/** The batch rows of one prompt, whatever the variant: one, or under separate prediction one per candidate. */
import { clmRow, type EncodedExample, mlmRow, promptRow, type Row } from "./layout.ts";
import { ALL_HIDDEN, type Hiding } from "./masking.ts";
import { separateRows } from "./separate-layout.ts";
import type { LookaheadSettings } from "./settings.ts";

/** Rows of one prompt. */
export function rowsPerPrompt(settings: LookaheadSettings): number {
  return isSeparate(settings) ? settings.candidates.length : 1;
}

export function isSeparate(settings: Pick<LookaheadSettings, "variant" | "prediction">): boolean {
  return settings.variant === "mlm" && settings.prediction === "separate";
}

/** What the model is trained on. */
export function trainingRows(
  settings: LookaheadSettings,
  example: EncodedExample,
  promptTokens: number,
  hiding: Hiding,
): Row[] {
  if (isSeparate(settings)) return separateRows(settings, example, promptTokens, hiding);
  switch (settings.variant) {
    case "mlm":
      return [mlmRow(settings, example, promptTokens, hiding.rate, hiding.key)];
    case "clm":
      return [clmRow(settings, example, promptTokens, true)];
    case "mlc":
      return [promptRow(settings, example, promptTokens)];
  }
}

/** What it scores an unanswered prompt from. */
export function inferenceRows(settings: LookaheadSettings, prompt: Int32Array, promptTokens: number): Row[] {
  const example = { recordId: "", prompt, responses: [], labels: new Float64Array(), weight: 0 };
  return settings.variant === "clm"
    ? [clmRow(settings, example, promptTokens, false)]
    : trainingRows(settings, example, promptTokens, ALL_HIDDEN);
}
