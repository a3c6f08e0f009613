/** What a tokenizer.json must say before it is handed to the library, which checks little. */

import { shown } from "../support/show.ts";

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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Ids are rows of a table: beyond this no table could be made. */
const MAXIMUM_ID = 1 << 24;

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

function checkMerges(merges: unknown): string | undefined {
  if (!Array.isArray(merges)) return "model.merges is missing, expected a list";
  const wrong = merges.findIndex((merge) => !isMerge(merge));
  return wrong < 0 ? undefined : `model.merges[${wrong}] is ${shown(merges[wrong])}, expected two tokens`;
}

function checkVocabulary(type: string, vocabulary: unknown): string | undefined {
  if (type === "Unigram") {
    const isList = Array.isArray(vocabulary) && vocabulary.length > 0;
    return isList ? undefined : "model.vocab is missing or empty, expected a list of [piece, score]";
  }
  if (!isObject(vocabulary)) return "model.vocab is missing, expected an object of token ids";
  const seen = new Map<unknown, string>();
  for (const [token, id] of Object.entries(vocabulary)) {
    if (!isId(id)) return `model.vocab: id of ${JSON.stringify(token)} is ${shown(id)}`;
    const other = seen.get(id);
    if (other !== undefined)
      return `model.vocab: ${JSON.stringify(other)} and ${JSON.stringify(token)} share id ${id}`;
    seen.set(id, token);
  }
  return seen.size === 0 ? "model.vocab is empty" : undefined;
}

function checkModel(model: unknown): string | undefined {
  if (!isObject(model)) return "section model is missing";
  const { type, vocab, unk_token: unknownToken, merges } = model;
  if (typeof type !== "string" || !MODELS.includes(type)) {
    return `model.type is ${type === undefined ? "missing" : shown(type)}, expected one of ${MODELS.join(", ")}`;
  }
  const problem = checkVocabulary(type, vocab);
  if (problem !== undefined) return problem;
  const mergeProblem = type === "BPE" ? checkMerges(merges) : undefined;
  if (mergeProblem !== undefined) return mergeProblem;
  const needsUnknown = type === "WordPiece" || type === "WordLevel";
  if (needsUnknown && !(typeof unknownToken === "string" && Object.hasOwn(vocab as object, unknownToken))) {
    return `model.unk_token is ${unknownToken === undefined ? "missing" : shown(unknownToken)}, expected a token of the vocabulary`;
  }
  return undefined;
}

/** What is wrong with the content of a tokenizer.json, or undefined. */
export function checkTokenizerJson(json: unknown): string | undefined {
  if (!isObject(json)) return "is not a JSON object";
  const problem = checkModel(json.model);
  if (problem !== undefined) return problem;
  for (const stage of STAGES) {
    const section = json[stage] ?? null;
    if (isTooDeep(section)) return `section ${stage} is nested too deeply`;
    if (section !== null && !(isObject(section) && typeof section.type === "string")) {
      return `section ${stage} is ${shown(section, 40)}, expected null or an object with a type`;
    }
  }
  const added = json.added_tokens ?? [];
  if (!Array.isArray(added)) return "section added_tokens is not a list";
  for (const [index, token] of added.entries()) {
    if (!isObject(token) || !isId(token.id) || typeof token.content !== "string" || token.content === "") {
      return `added_tokens[${index}] has no valid id and content`;
    }
  }
  return undefined;
}

/** The words of GPT-2, with white space as the reference understands it. */
const BYTE_LEVEL_WORDS =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+" +
  "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+";

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
      return { type: "Sequence", pretokenizers: [split(BYTE_LEVEL_WORDS), { ...section, use_regex: false }] };
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
  return full.pre_tokenizer === null
    ? full
    : { ...full, pre_tokenizer: exactPreTokenizer(full.pre_tokenizer) };
}
