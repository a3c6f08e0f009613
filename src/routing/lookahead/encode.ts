/** Judged records to token ids: what the model is trained on, made once. */
import type { JudgedRecord } from "../../judged/record.ts";
import { promptText, samplesOf } from "../../judged/record.ts";
import type { Tokenizer } from "../../text/index.ts";
import { benchmarkRanges, type ScoreRange } from "../labels.ts";
import type { EncodedExample, EncodedResponse } from "./layout.ts";
import type { LookaheadSettings } from "./settings.ts";
import { SPAN_SELECTORS } from "./spans.ts";
import { recordTargets } from "./targets.ts";

/** Enough characters for m tokens of ordinary text; longer responses need not be tokenised whole. */
const CHARACTERS_PER_TOKEN = 16;
/** Windows are looked for in the first so many characters of a response. */
const SEARCHED_CHARACTERS = 16_384;

/** A prompt's ids: its last tokens when too long, framed by [CLS] and [SEP] for bidirectional backbones. */
export function encodePrompt(settings: LookaheadSettings, tokenizer: Tokenizer, prompt: string): Int32Array {
  const ids = tokenizer.encode(prompt, { addSpecialTokens: false }).ids;
  const isFramed = settings.variant !== "clm";
  const room = settings.maxPromptTokens - (isFramed ? 2 : 0);
  const kept = ids.length > room ? ids.subarray(ids.length - room) : ids;
  if (!isFramed) return kept.length > 0 ? kept : Int32Array.of(settings.tokens.sep);
  return Int32Array.of(settings.tokens.cls, ...kept, settings.tokens.sep);
}

/** The part of a response that the settings' span selects, at most `width` tokens. */
function encodeResponse(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  response: string,
  prompt: Int32Array,
): EncodedResponse {
  const room = (settings.maxSequenceTokens ?? Number.POSITIVE_INFINITY) - prompt.length - 1;
  const width = Math.max(0, Math.min(settings.responseTokens, room));
  const characters =
    settings.span === "informative" ? SEARCHED_CHARACTERS : settings.responseTokens * CHARACTERS_PER_TOKEN;
  const isWhole = response.length <= characters;
  const text = settings.span === "tail" ? response.slice(-characters) : response.slice(0, characters);
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const { start, end } = SPAN_SELECTORS[settings.span](ids, prompt, width);
  const reachesEnd = end === ids.length && (isWhole || settings.span === "tail");
  // The end of the response is a token of its own.
  return { tokens: ids.slice(start, end), isComplete: reachesEnd && end - start < room };
}

/**
 * Examples of all records with routing targets by the settings.
 *
 * @param onProgress called with the number of records done
 * @param ranges score ranges of the benchmarks; measured on these records when absent
 */
export function encodeRecords(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  records: readonly JudgedRecord[],
  onProgress?: (done: number) => void,
  ranges: ReadonlyMap<string, ScoreRange> = benchmarkRanges(records, settings.candidates),
): EncodedExample[] {
  const targets = recordTargets(settings, records, ranges);
  const weights = routingWeights(
    records.map(({ benchmark }) => benchmark),
    targets.map(({ hasPreference }) => hasPreference),
  );
  return records.map((record, index) => {
    const prompt = encodePrompt(settings, tokenizer, promptText(record.prompt));
    const samples =
      settings.variant === "mlc"
        ? []
        : settings.candidates.map((candidate) =>
            samplesOf(record.candidates[candidate]!).map(({ response }) =>
              encodeResponse(settings, tokenizer, response, prompt),
            ),
          );
    onProgress?.(index + 1);
    return {
      recordId: record.id,
      prompt,
      responses: samples.map(([first]) => first!),
      ...(samples.some(({ length }) => length > 1) && {
        moreSamples: samples.map(([, ...more]) => more),
      }),
      labels: targets[index]!.targets,
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
