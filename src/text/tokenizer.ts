/**
 * Tokenizers in the Hugging Face `tokenizer.json` format, giving the ids that the reference library gives.
 * Why this library, and where its own stages are replaced: docs/decisions/tokenizers.md.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { messageOf, TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, parseJsonBytes, readJsonFile } from "../support/json.ts";
import { isFolder, readWholeFile } from "../support/read-file.ts";
import { withTimeLimit } from "../support/time-limit.ts";
import { type BertNormalizerConfig, normalizeBert, splitBert } from "./bert-exact.ts";
import type { TokenizerMetadata } from "./gguf/metadata.ts";
import { readGgufTokenizer } from "./gguf/read.ts";
import { precompiledNormalizer } from "./precompiled-normalizer.ts";
import { findSpecialTokens, type SpecialTokens } from "./special-tokens.ts";
import {
  checkTokenizerJson,
  prepareTokenizerJson,
  type TokenizerJson,
  VOCABULARY_LIMITS,
} from "./tokenizer-json.ts";
import { hasUnknownPattern } from "./tokenizer-stages.ts";

export interface EncodeOptions {
  /** Whether the post-processor adds its tokens, such as [CLS] and [SEP]. Default true. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Default true. */
  readonly skipSpecialTokens?: boolean;
}

/** A loaded tokenizer. It never truncates or pads, whatever the file asks for: that is the caller's decision. */
export interface Tokenizer {
  /** The tokenizer.json it came from. */
  readonly path: string;
  /** SHA-256 of that file in hexadecimal: equal exactly when two tokenizers are the same file. */
  readonly sha256: string;
  /** One more than the highest id: the rows that an embedding table needs. */
  readonly vocabularySize: number;
  /** Ids of the special tokens that it has. */
  readonly specialTokens: SpecialTokens;
  /** Special tokens spelled out in the text are recognised, as the reference library does. */
  encode(text: string, options?: EncodeOptions): { readonly ids: Int32Array };
  /** Text of the ids; ids without a token are left out. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The id of a token, spelled as in the vocabulary. */
  tokenId(token: string): number | undefined;
  /** The vocabulary's spelling of an id. */
  token(id: number): string | undefined;
}

/** The tokenizer shipped with the package, for models trained from scratch. */
export const defaultTokenizerPath: string = fileURLToPath(
  new URL("../../assets/tokenizer/tokenizer.json", import.meta.url),
);

interface LibraryNormalizer {
  readonly config: { readonly type?: string; readonly precompiled_charsmap?: unknown };
  readonly normalizers?: readonly (LibraryNormalizer | null)[];
  normalize: (text: string) => string;
}

interface LibraryDecoder {
  readonly config: { readonly type?: string };
  readonly decoders?: readonly LibraryDecoder[];
  text_decoder?: InstanceType<typeof TextDecoder>;
}

/** The parts of the library that are used; its own declarations do not resolve under Node's module rules. */
interface Library {
  normalizer: LibraryNormalizer | ((text: string) => string) | null;
  readonly decoder: LibraryDecoder | null;
  pre_tokenizer: ((text: string) => string[]) | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
}

function invalid(path: string, message: string, cause?: unknown): TuttiError {
  return new TuttiError("TOKENIZER_INVALID", `${path}: ${message}`, {
    details: { path },
    hint: "give a tokenizer.json written by the Hugging Face tokenizers library, or the folder that holds one",
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The content of a tokenizer.json, unchecked but for its size.
 *
 * @throws {TuttiError} TOKENIZER_INVALID: missing, no file, not JSON, too large or too deep
 */
export function readTokenizerJson(path: string): { readonly json: unknown; readonly sha256: string } {
  const refuse = (problem: string, cause?: unknown): TuttiError => invalid(path, problem, cause);
  const bytes = readWholeFile(path, VOCABULARY_LIMITS.bytes, refuse);
  return { json: parseJsonBytes(bytes, VOCABULARY_LIMITS, refuse).value, sha256: sha256Of(bytes) };
}

function buildLibraryTokenizer(path: string, json: TokenizerJson): Library {
  let library: Library;
  try {
    // Spaces are cleaned up by the decoder where tokenizer.json asks for it, and not once more after it.
    library = new LibraryTokenizer(json, {
      clean_up_tokenization_spaces: false,
    }) as unknown as Library;
    useCharsmaps(library.normalizer as LibraryNormalizer | null);
  } catch (cause) {
    throw invalid(path, `is not supported: ${messageOf(cause)}`, cause);
  }
  if (json.normalizer?.type === "BertNormalizer") {
    const config = json.normalizer as BertNormalizerConfig;
    library.normalizer = (text) => normalizeBert(text, config);
  }
  if (json.pre_tokenizer?.type === "BertPreTokenizer") library.pre_tokenizer = splitBert;
  keepByteOrderMarks(library.decoder);
  return library;
}

/** The library takes every charsmap for one and the same, and that one only roughly. */
function useCharsmaps(normalizer: LibraryNormalizer | null): void {
  const charsmap = normalizer?.config.precompiled_charsmap;
  if (normalizer?.config.type === "Precompiled" && typeof charsmap === "string") {
    normalizer.normalize = precompiledNormalizer(charsmap);
  }
  for (const part of normalizer?.normalizers ?? []) useCharsmaps(part);
}

/** The library's byte-fallback decoder drops U+FEFF at the start of a run of byte tokens; it is text like any other. */
function keepByteOrderMarks(decoder: LibraryDecoder | null): void {
  if (decoder?.config.type === "ByteFallback") {
    decoder.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }
  for (const part of decoder?.decoders ?? []) keepByteOrderMarks(part);
}

/** Names of special tokens, which only the files beside tokenizer.json say for certain. */
function readTokenizerConfig(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {};
  const refuse = (problem: string, cause?: unknown): TuttiError => invalid(path, problem, cause);
  const config = readJsonFile(path, CONFIGURATION_LIMITS, refuse);
  if (!isJsonObject(config)) throw refuse("is not a JSON object");
  return config;
}

/** The library meets some mistakes of a tokenizer.json only when it is used. */
function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (TuttiError.is(cause)) throw cause;
    throw invalid(path, `does not work: ${messageOf(cause)}`, cause);
  }
}

type Run = <T>(length: number, action: () => T) => T;

/** Time for a text under patterns that are not known: far more than any honest one takes. */
const BASE_MS = 1000;
const MS_PER_UNIT = 0.05;

/** How work on texts of a length is run: under a time limit where nobody knows how long a text will take. */
function runner(path: string, json: TokenizerJson): Run {
  if (json.model.type !== "Unigram" && !hasUnknownPattern(json))
    return (_length, action) => attempt(path, action);
  return (length, action) =>
    withTimeLimit(
      BASE_MS + MS_PER_UNIT * length,
      () => attempt(path, action),
      () =>
        invalid(path, `takes more than ${BASE_MS} ms for a text of ${length}: a pattern in it has no end`),
    );
}

/** A token without an id would become 0, which is another's. */
function checkedIds(path: string, ids: readonly number[]): Int32Array {
  if (!ids.every((id: unknown) => typeof id === "number"))
    throw invalid(path, "makes tokens that it has no id for, and names no unknown token");
  return Int32Array.from(ids);
}

/** Puts a tokenizer together from the content of its files, unless it has a problem. `config` names the special tokens. */
function createTokenizer(
  path: string,
  sha256: string,
  problem: string | undefined,
  json: unknown,
  config: Readonly<Record<string, unknown>>,
): Tokenizer {
  if (problem !== undefined) throw invalid(path, problem);
  const prepared = prepareTokenizerJson(json as object);
  const run = runner(path, prepared);
  const library = run(0, () => buildLibraryTokenizer(path, prepared));
  const vocabulary = library.get_vocab();
  let vocabularySize = 0;
  for (const id of vocabulary.values()) vocabularySize = Math.max(vocabularySize, id + 1);
  return {
    path,
    sha256,
    vocabularySize,
    specialTokens: findSpecialTokens((token) => vocabulary.get(token), config),
    encode: (text, { addSpecialTokens = true } = {}) => ({
      ids: checkedIds(
        path,
        run(text.length, () => library.encode(text, { add_special_tokens: addSpecialTokens }).ids),
      ),
    }),
    decode: (ids, { skipSpecialTokens = true } = {}) => {
      const known = Array.from(ids).filter((id) => library.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      return run(known.length, () => library.decode(known, { skip_special_tokens: skipSpecialTokens }));
    },
    tokenId: (token) => vocabulary.get(token),
    token: (id) => library.id_to_token(id),
  };
}

const sha256Of = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Loads a tokenizer.
 *
 * @param path a tokenizer.json, or the folder that holds one; a tokenizer_config.json beside it names the special
 *   tokens, which are else known by their usual spellings
 * @throws {TuttiError} TOKENIZER_INVALID: missing file, not JSON, no or unknown model, vocabulary that makes no sense
 */
export function loadTokenizer(path: string): Tokenizer {
  const file = isFolder(path) ? join(path, "tokenizer.json") : path;
  const { json, sha256 } = readTokenizerJson(file);
  const config = readTokenizerConfig(join(dirname(file), "tokenizer_config.json"));
  return createTokenizer(file, sha256, checkTokenizerJson(json), json, config);
}

/**
 * The tokenizer of a GGUF file. Its `sha256` is that of the tokenizer.json that {@link readGgufTokenizer} makes of it.
 *
 * @param path names the file in errors
 * @param metadata as the GGUF reader gives them
 * @throws {TuttiError} TOKENIZER_INVALID
 */
export function tokenizerFromGguf(path: string, metadata: TokenizerMetadata): Tokenizer {
  const { tokenizerJson, tokenizerConfig } = readGgufTokenizer(path, metadata);
  const problem = checkTokenizerJson(tokenizerJson, true);
  const sha256 = sha256Of(JSON.stringify(tokenizerJson));
  return createTokenizer(path, sha256, problem, tokenizerJson, tokenizerConfig);
}
