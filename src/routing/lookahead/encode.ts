/** Judged records to token ids: what the model is trained on, made once. */
import type { JudgedRecord } from "../../judged/record.ts";
import { promptText } from "../../judged/record.ts";
import type { Tokenizer } from "../../text/index.ts";
import { routingTargets } from "../labels.ts";
import type { EncodedExample, EncodedResponse } from "./layout.ts";
import type { LookaheadSettings } from "./settings.ts";

/** Enough characters for m tokens of ordinary text; longer responses need not be tokenised whole. */
const CHARACTERS_PER_TOKEN = 16;

/** A prompt's ids: its last tokens when too long, framed by [CLS] and [SEP] for bidirectional backbones. */
export function encodePrompt(settings: LookaheadSettings, tokenizer: Tokenizer, prompt: string): Int32Array {
  const ids = tokenizer.encode(prompt, { addSpecialTokens: false }).ids;
  const isFramed = settings.variant !== "clm";
  const room = settings.maxPromptTokens - (isFramed ? 2 : 0);
  const kept = ids.length > room ? ids.subarray(ids.length - room) : ids;
  if (!isFramed) return kept.length > 0 ? kept : Int32Array.of(settings.tokens.sep);
  return Int32Array.of(settings.tokens.cls, ...kept, settings.tokens.sep);
}

function encodeResponse(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  response: string,
): EncodedResponse {
  const characters = settings.responseTokens * CHARACTERS_PER_TOKEN;
  const ids = tokenizer.encode(response.slice(0, characters), { addSpecialTokens: false }).ids;
  const isComplete = ids.length <= settings.responseTokens && response.length <= characters;
  return { tokens: ids.slice(0, settings.responseTokens), isComplete };
}

/**
 * Examples of all records with labels by the settings.
 *
 * @param onProgress called with the number of records done
 */
export function encodeRecords(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  records: readonly JudgedRecord[],
  onProgress?: (done: number) => void,
): EncodedExample[] {
  const targets = routingTargets(records, settings.candidates);
  const weights = routingWeights(
    records.map(({ benchmark }) => benchmark),
    targets.map(({ normalised }) => normalised.some((score) => score > 0)),
  );
  return records.map((record, index) => {
    const responses =
      settings.variant === "mlc"
        ? []
        : settings.candidates.map((candidate) =>
            encodeResponse(settings, tokenizer, record.candidates[candidate]!.response),
          );
    onProgress?.(index + 1);
    return {
      recordId: record.id,
      prompt: encodePrompt(settings, tokenizer, promptText(record.prompt)),
      responses,
      labels: targets[index]![settings.labels],
      weight: weights[index]!,
    };
  });
}

/**
 * Weights of records in the routing loss. Records whose candidates all tie get 0: the paper drops them from its
 * math and code sets. The others get 1 / sqrt(records of their benchmark), so that a benchmark of thousands does
 * not drown one of dozens, scaled to a mean of 1 over the records that count.
 */
export function routingWeights(
  benchmarks: readonly string[],
  hasPreference: readonly boolean[],
): Float64Array {
  const counts = new Map<string, number>();
  for (const [index, benchmark] of benchmarks.entries()) {
    if (hasPreference[index]) counts.set(benchmark, (counts.get(benchmark) ?? 0) + 1);
  }
  const weights = Float64Array.from(benchmarks, (benchmark, index) =>
    hasPreference[index] ? 1 / Math.sqrt(counts.get(benchmark)!) : 0,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counted = hasPreference.filter(Boolean).length;
  return weights.map((weight) => (total > 0 ? (weight * counted) / total : 0));
}
