/**
 * The tokenizer of a GGUF file as the content of a Hugging Face tokenizer.json. Three kinds of vocabulary:
 * "gpt2", byte-level BPE; "llama", SentencePiece BPE with byte fallback, whose merges follow from the pieces' scores;
 * "bert", WordPiece.
 */

import { shown } from "../../support/show.ts";
import {
  flag,
  invalidVocabulary,
  numbersPerToken,
  readVocabulary,
  strings,
  TOKEN_KIND,
  type TokenizerMetadata,
  tokenIdField,
  type Vocabulary,
} from "./metadata.ts";
import { PRE_TOKENIZERS } from "./pre-tokenizers.ts";
import { mergesFromScores } from "./sentencepiece-merges.ts";

type Section = Readonly<Record<string, unknown>>;

/** The sections of a tokenizer.json that depend on the kind of vocabulary. */
interface Pipeline {
  readonly model: Section;
  readonly normalizer: Section | null;
  readonly pre_tokenizer: Section | null;
  readonly decoder: Section;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
}

/** The name that BERT vocabularies have for the space before a word. */
const WORD_START = "▁";

const ROLE_KEYS = {
  bos_token: "tokenizer.ggml.bos_token_id",
  eos_token: "tokenizer.ggml.eos_token_id",
  unk_token: "tokenizer.ggml.unknown_token_id",
  pad_token: "tokenizer.ggml.padding_token_id",
  cls_token: "tokenizer.ggml.cls_token_id",
  // Misspelled in the format.
  sep_token: "tokenizer.ggml.seperator_token_id",
  mask_token: "tokenizer.ggml.mask_token_id",
} as const;

const idsOf = (tokens: readonly string[]): Section =>
  Object.fromEntries(tokens.map((token, id): [string, number] => [token, id]));

function byteLevel(vocabulary: Vocabulary): Pipeline {
  const { path, metadata, tokens } = vocabulary;
  const name = metadata.get("tokenizer.ggml.pre")?.value;
  const pre = PRE_TOKENIZERS.find(({ names }) => names.some((known) => known === name));
  if (pre === undefined) {
    const known = PRE_TOKENIZERS.flatMap(({ names }) => names).join(", ");
    throw invalidVocabulary(path, `tokenizer.ggml.pre is ${shown(name)}, expected one of ${known}`);
  }
  return {
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: idsOf(tokens),
      merges: readMerges(vocabulary),
    },
    normalizer: pre.normalizer,
    pre_tokenizer: pre.section,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    addsBos: pre.addsBos,
    addsEos: false,
  };
}

/** Pairs of tokens, which the file joins with a space. */
function readMerges({ path, metadata, ids }: Vocabulary): [string, string][] {
  return strings(path, metadata, "tokenizer.ggml.merges").map((merge, index) => {
    const space = merge.indexOf(" ", 1);
    const left = merge.slice(0, space);
    const right = merge.slice(space + 1);
    if (space < 0 || !ids.has(left) || !ids.has(right) || !ids.has(left + right)) {
      throw invalidVocabulary(
        path,
        `tokenizer.ggml.merges[${index}] is ${shown(merge)}, no two tokens that join to a third`,
      );
    }
    return [left, right];
  });
}

/** Every way to cut a piece in two is looked at: the square of its length. A vocabulary of 256 thousand takes 20 million. */
const MAXIMUM_CUTTING = 1 << 28;

function checkPieceLengths({ path, tokens }: Vocabulary): void {
  let cutting = 0;
  for (const [id, { length }] of tokens.entries()) {
    cutting += length * length;
    if (cutting > MAXIMUM_CUTTING)
      throw invalidVocabulary(
        path,
        `tokenizer.ggml.tokens are too long, up to token ${id} of ${length} characters`,
      );
  }
}

function sentencePiece(vocabulary: Vocabulary): Pipeline {
  const { path, metadata, tokens } = vocabulary;
  const scores = numbersPerToken(path, metadata, "tokenizer.ggml.scores", tokens.length);
  if (scores === undefined) throw invalidVocabulary(path, "tokenizer.ggml.scores is missing");
  checkPieceLengths(vocabulary);
  const wrong = Array.prototype.findIndex.call(scores, (score) => !Number.isFinite(score));
  if (wrong >= 0) throw invalidVocabulary(path, `tokenizer.ggml.scores[${wrong}] is ${scores[wrong]}`);
  const addsSpace = flag(vocabulary, "tokenizer.ggml.add_space_prefix") ?? true;
  const unknown = tokenIdField(vocabulary, ROLE_KEYS.unk_token);
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const plain = [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
  ];
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown === undefined ? null : tokens[unknown],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: idsOf(tokens),
      merges: mergesFromScores(vocabulary.ids, scores),
    },
    normalizer: addsSpace
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, spaces] }
      : spaces,
    pre_tokenizer: null,
    decoder: { type: "Sequence", decoders: addsSpace ? [...plain, strip] : plain },
    addsBos: true,
    addsEos: false,
  };
}

/** WordPiece spelling: "▁word" begins a word, "piece" goes on, "[...]" stands alone. */
function wordPiece(vocabulary: Vocabulary): Pipeline {
  const spell = (token: string, id: number): string => {
    if (vocabulary.kinds[id] === TOKEN_KIND.control || /^\[.*\]$/s.test(token)) return token;
    return token.startsWith(WORD_START) ? token.slice(WORD_START.length) : `##${token}`;
  };
  const spelled = vocabulary.tokens.map(spell);
  const unknown = tokenIdField(vocabulary, ROLE_KEYS.unk_token);
  return {
    model: {
      type: "WordPiece",
      unk_token: unknown === undefined ? "[UNK]" : spelled[unknown],
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: idsOf(spelled),
    },
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    addsBos: true,
    addsEos: true,
  };
}

const PIPELINES: Readonly<Record<string, (vocabulary: Vocabulary) => Pipeline>> = {
  gpt2: byteLevel,
  llama: sentencePiece,
  bert: wordPiece,
};

/** Tokens that are found in the text before anything else; control tokens are left out when decoding. */
function addedTokens({ tokens, kinds }: Vocabulary): Section[] {
  const added: Section[] = [];
  for (const [id, content] of tokens.entries()) {
    const kind = kinds[id];
    const isSpecial = kind === TOKEN_KIND.control || kind === TOKEN_KIND.unknown;
    if (content === "" || !(isSpecial || kind === TOKEN_KIND.userDefined)) continue;
    added.push({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: isSpecial,
    });
  }
  return added;
}

/** Adds the tokens that begin and end a text. */
function postProcessor(vocabulary: Vocabulary, pipeline: Pipeline): Section | null {
  const isBert = pipeline.model.type === "WordPiece";
  const begin =
    (isBert ? tokenIdField(vocabulary, ROLE_KEYS.cls_token) : undefined) ??
    tokenIdField(vocabulary, ROLE_KEYS.bos_token);
  const end = tokenIdField(vocabulary, isBert ? ROLE_KEYS.sep_token : ROLE_KEYS.eos_token);
  const addsBegin = flag(vocabulary, "tokenizer.ggml.add_bos_token") ?? pipeline.addsBos;
  const addsEnd = flag(vocabulary, "tokenizer.ggml.add_eos_token") ?? pipeline.addsEos;
  const ids = { begin: addsBegin ? begin : undefined, end: addsEnd || isBert ? end : undefined };
  if (ids.begin === undefined && ids.end === undefined) return null;
  const part = (id: number | undefined): Section[] =>
    id === undefined ? [] : [{ SpecialToken: { id: vocabulary.tokens[id], type_id: 0 } }];
  const special = [ids.begin, ids.end]
    .filter((id) => id !== undefined)
    .map((id) => [
      vocabulary.tokens[id]!,
      { id: vocabulary.tokens[id], ids: [id], tokens: [vocabulary.tokens[id]] },
    ]);
  const single = [...part(ids.begin), { Sequence: { id: "A", type_id: 0 } }, ...part(ids.end)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 1 } }, ...part(ids.end)],
    special_tokens: Object.fromEntries(special),
  };
}

export interface GgufTokenizer {
  /** The content of the tokenizer.json. */
  readonly tokenizerJson: Section;
  /** The content of the tokenizer_config.json: special tokens by role, and the chat template where there is one. */
  readonly tokenizerConfig: Section;
}

/**
 * Builds a tokenizer.json and a tokenizer_config.json from the metadata of a GGUF file.
 *
 * @throws {TuttiError} TOKENIZER_INVALID: no or unknown kind of vocabulary, unknown pre-tokenizer, lists that are
 *   missing or do not fit together
 */
export function readGgufTokenizer(path: string, metadata: TokenizerMetadata): GgufTokenizer {
  const kind = metadata.get("tokenizer.ggml.model")?.value;
  if (typeof kind !== "string" || !Object.hasOwn(PIPELINES, kind)) {
    const known = Object.keys(PIPELINES).join(", ");
    throw invalidVocabulary(path, `tokenizer.ggml.model is ${shown(kind)}, expected one of ${known}`);
  }
  const vocabulary = readVocabulary(path, metadata);
  const pipeline = PIPELINES[kind]!(vocabulary);
  const { model, normalizer, pre_tokenizer, decoder } = pipeline;
  const roles = Object.entries(ROLE_KEYS).map(([role, key]) => {
    const id = tokenIdField(vocabulary, key);
    return [role, id === undefined ? null : vocabulary.tokens[id]];
  });
  const template = ggufChatTemplate(metadata);
  return {
    tokenizerJson: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      normalizer,
      pre_tokenizer,
      post_processor: postProcessor(vocabulary, pipeline),
      decoder,
      model,
    },
    tokenizerConfig: {
      ...Object.fromEntries(roles),
      ...(template === undefined ? {} : { chat_template: template }),
    },
  };
}

/** The Jinja chat template of a GGUF file, or undefined when it has none. */
export function ggufChatTemplate(metadata: TokenizerMetadata): string | undefined {
  const template = metadata.get("tokenizer.chat_template")?.value;
  return typeof template === "string" ? template : undefined;
}
