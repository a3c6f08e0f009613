/** What a tokenizer.json must say before it is handed to the library, which checks little. */
import { isJsonObject, type JsonLimits } from "../support/json.ts";
import { shown } from "../support/show.ts";
import { GPT2_WORDS } from "./gguf/pre-tokenizers.ts";
import { checkStages, withLiteralContent } from "./tokenizer-stages.ts";

interface Section {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface TokenizerJson {
  readonly model: Section;
  readonly normalizer: Section | null;
  readonly pre_tokenizer: Section | null;
  readonly post_processor: Section | null;
  readonly decoder: Section | null;
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly [section: string]: unknown;
}

const MODELS = ["WordPiece", "BPE", "Unigram", "WordLevel"];
const STAGES = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];

/** The largest vocabularies take 35 MB and two million values: tokens, ids, merges of two. */
export const VOCABULARY_LIMITS: JsonLimits = { bytes: 1 << 27, depth: 64, values: 1 << 22 };

/** Ids are rows of a table; the largest vocabularies have 262 thousand, and the library counts up to the largest. */
const MAXIMUM_ID = 1 << 22;

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < MAXIMUM_ID;
}

/** Stages are walked by functions that call themselves. */
const MAXIMUM_DEPTH = 32;

/** Whether objects and lists lie in one another more than {@link MAXIMUM_DEPTH} deep. */
function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth < MAXIMUM_DEPTH; depth++) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** A merge is "left right", or a list of the two. */
function isMerge(merge: unknown): boolean {
  if (typeof merge === "string") return true;
  return Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
}

/** Both parts and what they make must be tokens, as the reference library demands. */
function checkMerges(merges: unknown, byId: TokensById, prefix: unknown): string | undefined {
  if (!Array.isArray(merges)) return "model.merges is missing, expected a list";
  const skipped = typeof prefix === "string" ? prefix.length : 0;
  const tokens = new Set(byId.values());
  const isSound = (merge: unknown): boolean => {
    if (!isMerge(merge)) return false;
    const parts = typeof merge === "string" ? merge.split(" ") : (merge as string[]);
    const [left = "", right = ""] = parts;
    if (parts.length !== 2 || !tokens.has(left) || !tokens.has(right)) return false;
    return tokens.has(left + (skipped === 0 ? right : right.slice(skipped)));
  };
  const wrong = merges.findIndex((merge) => !isSound(merge));
  return wrong < 0
    ? undefined
    : `model.merges[${wrong}] is ${shown(merges[wrong])}, expected two tokens that join to a third`;
}

/** Pieces are kept as a tree of characters, each of which takes hundreds of bytes. */
const MAXIMUM_PIECE_CHARACTERS = 1 << 21;

function checkPieces(pieces: unknown, unknownId: unknown): string | undefined {
  if (!Array.isArray(pieces) || pieces.length === 0)
    return "model.vocab is missing or empty, expected a list of [piece, score]";
  let characters = 0;
  for (const [index, entry] of pieces.entries()) {
    const [piece, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof piece !== "string" || !Number.isFinite(score))
      return `model.vocab[${index}] is ${shown(entry)}, expected [piece, score]`;
    characters += piece.length;
  }
  if (characters > MAXIMUM_PIECE_CHARACTERS)
    return `model.vocab has pieces of ${characters} characters, more than the ${MAXIMUM_PIECE_CHARACTERS} allowed`;
  const isId =
    Number.isInteger(unknownId) && (unknownId as number) >= 0 && (unknownId as number) < pieces.length;
  return isId || (unknownId ?? null) === null ? undefined : `model.unk_id is ${shown(unknownId)}`;
}

type TokensById = ReadonlyMap<unknown, string>;

/** Tokens by id, empty for pieces, or what is wrong. */
function readVocabulary({ type, vocab, unk_id: unknownId }: Section): TokensById | string {
  if (type === "Unigram") return checkPieces(vocab, unknownId) ?? new Map();
  if (!isJsonObject(vocab)) return "model.vocab is missing, expected an object of token ids";
  const byId = new Map<unknown, string>();
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id)) return `model.vocab: id of ${shown(token)} is ${shown(id)}`;
    const other = byId.get(id);
    if (other !== undefined) return `model.vocab: ${shown(other)} and ${shown(token)} share id ${id}`;
    byId.set(id, token);
  }
  return byId.size === 0 ? "model.vocab is empty" : byId;
}

/** The reference library's default. */
const WORD_GOES_ON = "##";
/** The search for the pieces of a word takes the square of its length. */
const MAXIMUM_WORD = 1000;

function checkWords(model: Section): string | undefined {
  const { vocab, unk_token: unknownToken } = model;
  const longest = model.max_input_chars_per_word ?? 100;
  if (!Number.isInteger(longest) || (longest as number) < 1 || (longest as number) > MAXIMUM_WORD)
    return `model.max_input_chars_per_word is ${shown(longest)}, expected 1 to ${MAXIMUM_WORD}`;
  const prefix = model.continuing_subword_prefix ?? WORD_GOES_ON;
  if (typeof prefix !== "string")
    return `model.continuing_subword_prefix is ${shown(prefix)}, expected a string`;
  if (!(typeof unknownToken === "string" && Object.hasOwn(vocab as object, unknownToken))) {
    return `model.unk_token is ${unknownToken === undefined ? "missing" : shown(unknownToken)}, expected a token of the vocabulary`;
  }
  return undefined;
}

function checkSections(json: Record<string, unknown>): string | undefined {
  for (const stage of STAGES) {
    const section = json[stage] ?? null;
    if (isTooDeep(section)) return `section ${stage} is nested too deeply`;
    if (section !== null && !(isJsonObject(section) && typeof section.type === "string")) {
      return `section ${stage} is ${shown(section, 40)}, expected null or an object with a type`;
    }
  }
  return undefined;
}

/**
 * What is wrong with the content of a tokenizer.json, or undefined.
 *
 * @param hasCheckedMerges whether merges are known to be of the vocabulary, as those made from a GGUF file are
 */
export function checkTokenizerJson(json: unknown, hasCheckedMerges = false): string | undefined {
  if (!isJsonObject(json)) return "is not a JSON object";
  const { model } = json;
  if (!isJsonObject(model)) return "section model is missing";
  const { type, merges } = model;
  if (typeof type !== "string" || !MODELS.includes(type)) {
    return `model.type is ${type === undefined ? "missing" : shown(type)}, expected one of ${MODELS.join(", ")}`;
  }
  const byId = readVocabulary(model as Section);
  if (typeof byId === "string") return byId;
  const isBytePair = type === "BPE";
  if (isBytePair && !hasCheckedMerges) {
    const problem = checkMerges(merges, byId, model.continuing_subword_prefix);
    if (problem !== undefined) return problem;
  }
  return (
    (isBytePair || type === "Unigram" ? undefined : checkWords(model as Section)) ??
    checkSections(json) ??
    checkAddedTokens(json.added_tokens ?? [], byId) ??
    checkStages(json, tokenTest(json))
  );
}

/** Whether a token is in the vocabulary or was added. */
function tokenTest({ model, added_tokens: added }: Record<string, unknown>): (token: string) => boolean {
  const { vocab } = model as Section;
  const others = new Set(((added ?? []) as readonly Section[]).map(({ content }) => content));
  const isInVocabulary = Array.isArray(vocab)
    ? (token: string) => (vocab as readonly (readonly unknown[])[]).some(([piece]) => piece === token)
    : (token: string) => Object.hasOwn(vocab as object, token);
  return (token) => others.has(token) || isInVocabulary(token);
}

/** Added tokens are kept as a tree of characters and looked for at every place of a text. */
const MAXIMUM_ADDED = 65_536;
const MAXIMUM_ADDED_LENGTH = 1024;
const MAXIMUM_ADDED_CHARACTERS = 1 << 19;

function checkAddedTokens(added: unknown, vocabulary: TokensById): string | undefined {
  if (!Array.isArray(added)) return "section added_tokens is not a list";
  if (added.length > MAXIMUM_ADDED)
    return `added_tokens has ${added.length} entries, more than the ${MAXIMUM_ADDED} allowed`;
  const byId = new Map<unknown, string>();
  let characters = 0;
  for (const [index, token] of added.entries()) {
    if (
      !isJsonObject(token) ||
      !isId(token.id) ||
      typeof token.content !== "string" ||
      token.content === ""
    ) {
      return `added_tokens[${index}] has no valid id and content`;
    }
    if (token.content.length > MAXIMUM_ADDED_LENGTH)
      return `added_tokens[${index}] has ${token.content.length} characters, more than the ${MAXIMUM_ADDED_LENGTH} allowed`;
    const other = byId.get(token.id) ?? vocabulary.get(token.id) ?? token.content;
    if (other !== token.content)
      return `added_tokens: ${shown(token.content)} has id ${token.id}, which is that of ${shown(other)}`;
    byId.set(token.id, token.content);
    characters += token.content.length;
  }
  if (characters > MAXIMUM_ADDED_CHARACTERS)
    return `added_tokens have ${characters} characters, more than the ${MAXIMUM_ADDED_CHARACTERS} allowed`;
  return undefined;
}

function split(pattern: string): Section {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/**
 * Pre-tokenizers written as others with the reference's meaning where the library departs from it: it knows ASCII
 * digits only, and takes U+FEFF for white space but not U+0085.
 */
function exactPreTokenizer(section: Section): Section {
  switch (section.type) {
    case "Sequence":
      return Array.isArray(section.pretokenizers)
        ? { ...section, pretokenizers: (section.pretokenizers as Section[]).map(exactPreTokenizer) }
        : section;
    case "Digits":
      return split(section.individual_digits ? "\\p{N}" : "\\p{N}+");
    case "WhitespaceSplit":
      return { ...split("\\p{White_Space}+"), behavior: "Removed" };
    case "ByteLevel":
      if (section.use_regex === false || section.add_prefix_space) return section;
      return { type: "Sequence", pretokenizers: [split(GPT2_WORDS), { ...section, use_regex: false }] };
    default:
      return section;
  }
}

/** The content as the library takes it: optional sections filled in, and stages replaced where it is not exact. */
export function prepareTokenizerJson(json: object): TokenizerJson {
  const full = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
    ...json,
  } as unknown as TokenizerJson;
  return {
    ...full,
    model: {
      continuing_subword_prefix: full.model.type === "WordPiece" ? WORD_GOES_ON : null,
      ...full.model,
    },
    normalizer: withLiteralContent(full.normalizer),
    pre_tokenizer:
      full.pre_tokenizer === null ? null : withLiteralContent(exactPreTokenizer(full.pre_tokenizer)),
    decoder: withLiteralContent(full.decoder),
  };
}
