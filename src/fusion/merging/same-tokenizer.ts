/** Whether models give the same ids to the same texts, and are built alike, as far as their files say. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readOptionalJson } from "../../models/config-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { shown } from "../../support/show.ts";
import { readTokenizerJson } from "../../text/tokenizer.ts";

type Json = Readonly<Record<string, unknown>>;

/** A model's folder, and what it is called in messages. */
export interface NamedFolder {
  readonly name: string;
  readonly path: string;
}

/** Vocabularies of older tokenizers, compared byte by byte where there is no tokenizer.json. */
const PLAIN_FILES = ["tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "vocab.txt"];

interface Vocabulary {
  /** Texts with their ids. */
  readonly tokens: ReadonlySet<string>;
  /** In order, whichever way the version of the format spells them. */
  readonly merges: readonly string[];
}

function vocabularyOf(tokenizer: unknown): Vocabulary {
  const { model, added_tokens: added } = (isJsonObject(tokenizer) ? tokenizer : {}) as {
    model?: Json;
    added_tokens?: unknown;
  };
  const vocabulary = model?.vocab;
  const entries: [unknown, unknown][] = Array.isArray(vocabulary)
    ? vocabulary.map((item, id) => [item, id])
    : Object.entries(vocabulary ?? {});
  const special = (Array.isArray(added) ? added : []).map(
    (token: { content?: unknown; id?: unknown }): [unknown, unknown] => [token?.content, token?.id],
  );
  const merges = Array.isArray(model?.merges) ? model.merges : [];
  return {
    tokens: new Set([...entries, ...special].map(([text, id]) => `${JSON.stringify(text)} (${id})`)),
    merges: merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(" ") : String(merge))),
  };
}

const lackingIn = (some: ReadonlySet<string>, others: ReadonlySet<string>): string | undefined =>
  [...some].find((item) => !others.has(item));

function firstDifference(base: Vocabulary, other: Vocabulary): string | undefined {
  const foreign = lackingIn(other.tokens, base.tokens);
  if (foreign !== undefined) return `token ${foreign} is not in the base`;
  const missing = lackingIn(base.tokens, other.tokens);
  if (missing !== undefined) return `it lacks token ${missing}`;
  const length = Math.max(base.merges.length, other.merges.length);
  for (let at = 0; at < length; at++) {
    const [expected, received] = [base.merges[at], other.merges[at]];
    if (expected !== received) return `merge ${at} is ${shown(received)}, the base's ${shown(expected)}`;
  }
  return undefined;
}

function differenceOf(
  base: string,
  other: string,
): { readonly known: boolean; readonly difference?: string } {
  const [mine, theirs] = [join(base, "tokenizer.json"), join(other, "tokenizer.json")];
  if (existsSync(mine) && existsSync(theirs)) {
    const difference = firstDifference(
      vocabularyOf(readTokenizerJson(mine).json),
      vocabularyOf(readTokenizerJson(theirs).json),
    );
    return { known: true, ...(difference && { difference }) };
  }
  const common = PLAIN_FILES.filter((name) => existsSync(join(base, name)) && existsSync(join(other, name)));
  const unlike = common.find(
    (name) => !readFileSync(join(base, name)).equals(readFileSync(join(other, name))),
  );
  return { known: common.length > 0, ...(unlike && { difference: `another ${unlike}` }) };
}

/**
 * Compares a model's vocabulary, merges and added tokens with the base's.
 *
 * @returns what could not be compared, for the user to know; undefined when all is the same
 * @throws {TuttiError} TOKENIZER_MISMATCH naming the first difference; TOKENIZER_INVALID
 */
export function checkSameTokenizer(base: NamedFolder, model: NamedFolder): string | undefined {
  const { known, difference } = differenceOf(base.path, model.path);
  if (difference !== undefined) {
    throw new TuttiError(
      "TOKENIZER_MISMATCH",
      `${model.name} has another tokenizer than ${base.name}: ${difference}`,
      {
        details: { base: base.name, model: model.name, difference },
        hint: "merge models that were trained from one base; --ignore-tokenizers takes the base's tokenizer all the same",
      },
    );
  }
  return known
    ? undefined
    : `the tokenizer of ${model.name} could not be compared: no tokenizer files in common`;
}

/** Keys of config.json by which the same weights compute something else, though their shapes are the same. */
const STRUCTURE = [
  "model_type",
  "num_attention_heads",
  "num_key_value_heads",
  "head_dim",
  "hidden_act",
  "hidden_activation",
  "tie_word_embeddings",
];
/** Keys that change what is computed also where only one of two models has them. */
const TELLING = ["rope_scaling", "rope_theta", "rope_parameters", "sliding_window", "attention_bias"];
/** Keys that say nothing of what is computed. */
const COSMETIC =
  /^(_name_or_path|_commit_hash|transformers_version|torch_dtype|dtype|use_cache|architectures|\w+_token_id)$/;

/**
 * Compares the config.json of a model with the base's.
 *
 * @returns keys that differ without making the models different machines, for the user to know
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED when the models are built differently
 */
export function checkSameConfig(base: NamedFolder, model: NamedFolder): string[] {
  const mine = readOptionalJson(join(base.path, "config.json")) ?? {};
  const theirs = readOptionalJson(join(model.path, "config.json")) ?? {};
  const unlike = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].filter(
    (key) =>
      !COSMETIC.test(key) &&
      ((key in mine && key in theirs) || TELLING.includes(key)) &&
      JSON.stringify(mine[key]) !== JSON.stringify(theirs[key]),
  );
  const key = unlike.find((name) => STRUCTURE.includes(name));
  if (key !== undefined) {
    throw new TuttiError(
      "MODEL_CONFIG_UNSUPPORTED",
      `${model.name}: ${key} is ${shown(theirs[key])}, the base's is ${shown(mine[key])}`,
      {
        details: { model: model.name, base: base.name, key },
        hint: "only models of one architecture are merged",
      },
    );
  }
  return unlike;
}
