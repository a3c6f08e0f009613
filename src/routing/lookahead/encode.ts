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
      hasPreference: targets[index]!.normalised.some((score) => score > 0),
    };
  });
}
