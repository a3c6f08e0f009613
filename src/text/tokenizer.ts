/**
 * Tokenizers in the Hugging Face `tokenizer.json` format, giving the ids that the reference library gives.
 * Why this library, and where its own stages are replaced: docs/decisions/tokenizers.md.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { messageOf, TuttiError } from "../support/errors.ts";
import { type BertNormalizerConfig, normalizeBert, splitBert } from "./bert-exact.ts";
import type { TokenizerMetadata } from "./gguf/metadata.ts";
import { readGgufTokenizer } from "./gguf/read.ts";
import { precompiledNormalizer } from "./precompiled-normalizer.ts";
import { findSpecialTokens, type SpecialTokens } from "./special-tokens.ts";
import { checkTokenizerJson, prepareTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";

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

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw invalid(path, `could not be read: ${messageOf(cause)}`, cause);
  }
}

function parse(path: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(path, `is not JSON: ${messageOf(cause)}`, cause);
  }
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
  const config = parse(path, readBytes(path));
  if (typeof config !== "object" || config === null) throw invalid(path, "is not a JSON object");
  return config as Record<string, unknown>;
}

/** The library meets some mistakes of a tokenizer.json only when it is used. */
function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw invalid(path, `does not work: ${messageOf(cause)}`, cause);
  }
}

/** Puts a tokenizer together from the content of its files. `config` names the special tokens. */
function createTokenizer(
  path: string,
  sha256: string,
  json: unknown,
  config: Readonly<Record<string, unknown>>,
): Tokenizer {
  const problem = checkTokenizerJson(json);
  if (problem !== undefined) throw invalid(path, problem);
  const library = buildLibraryTokenizer(path, prepareTokenizerJson(json as object));
  const vocabulary = library.get_vocab();
  let vocabularySize = 0;
  for (const id of vocabulary.values()) vocabularySize = Math.max(vocabularySize, id + 1);
  return {
    path,
    sha256,
    vocabularySize,
    specialTokens: findSpecialTokens((token) => vocabulary.get(token), config),
    encode: (text, { addSpecialTokens = true } = {}) => ({
      ids: Int32Array.from(
        attempt(path, () => library.encode(text, { add_special_tokens: addSpecialTokens }).ids),
      ),
    }),
    decode: (ids, { skipSpecialTokens = true } = {}) => {
      const known = Array.from(ids).filter((id) => library.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      return attempt(path, () => library.decode(known, { skip_special_tokens: skipSpecialTokens }));
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
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const file = isFolder ? join(path, "tokenizer.json") : path;
  const bytes = readBytes(file);
  const json = parse(file, bytes);
  const config = readTokenizerConfig(join(dirname(file), "tokenizer_config.json"));
  return createTokenizer(file, sha256Of(bytes), json, config);
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
  return createTokenizer(path, sha256Of(JSON.stringify(tokenizerJson)), tokenizerJson, tokenizerConfig);
}
