/** Prices, and what an answer cost. */

export interface ModelPricing {
  readonly inputCostUsdPerMillionTokens: number;
  readonly outputCostUsdPerMillionTokens: number;
}

/** `(prompt * input price + completion * output price) / 10^6`, in US dollars. */
export function costUsd(pricing: ModelPricing, promptTokens: number, completionTokens: number): number {
  return (
    (promptTokens * pricing.inputCostUsdPerMillionTokens +
      completionTokens * pricing.outputCostUsdPerMillionTokens) /
    1e6
  );
}

/** Prices by model name, of a pool or its file. */
export const pricesByModel = (
  models: readonly { readonly name: string; readonly pricing: ModelPricing }[],
): Record<string, ModelPricing> => Object.fromEntries(models.map(({ name, pricing }) => [name, pricing]));

/** English text has about four bytes a token with today's vocabularies; other scripts vary around it. */
const BYTES_PER_TOKEN = 4;

/**
 * Token count of a text when nobody counted: UTF-8 bytes / 4, rounded up. Numbers from here are marked as
 * estimated wherever they are shown.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text, "utf8") / BYTES_PER_TOKEN);
}
