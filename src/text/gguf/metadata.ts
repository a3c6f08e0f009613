/** Tokenizer fields of GGUF metadata, checked: what every reader of a vocabulary needs. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";

/** Metadata as a GGUF reader gives them: typed values under names. */
export type TokenizerMetadata = ReadonlyMap<string, { readonly value: unknown }>;

export function invalidVocabulary(path: string, message: string): TuttiError {
  return new TuttiError("TOKENIZER_INVALID", `${path}: ${message}`, {
    details: { path },
    hint: "take a file whose tokenizer was converted completely, or give a tokenizer.json",
  });
}

/** Kinds of tokens, as the file numbers them. */
export const TOKEN_KIND = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Vocabulary {
  readonly path: string;
  readonly metadata: TokenizerMetadata;
  /** Spelling by id. */
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  /** {@link TOKEN_KIND} by id. */
  readonly kinds: ArrayLike<number>;
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !("getBigInt64" in value);
}

/** A list of as many numbers as there are tokens; undefined when it is absent. */
export function numbersPerToken(
  path: string,
  metadata: TokenizerMetadata,
  key: string,
  count: number,
): ArrayLike<number> | undefined {
  const value = metadata.get(key)?.value;
  if (value === undefined) return undefined;
  if (!isNumbers(value) || value.length !== count)
    throw invalidVocabulary(path, `${key} is no list of ${count} numbers, one per token`);
  return value;
}

export function strings(path: string, metadata: TokenizerMetadata, key: string): readonly string[] {
  const value = metadata.get(key)?.value;
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
    throw invalidVocabulary(path, `${key} is ${value === undefined ? "missing" : "no list of strings"}`);
  return value;
}

export function flag(vocabulary: Vocabulary, key: string): boolean | undefined {
  const value = vocabulary.metadata.get(key)?.value;
  if (value !== undefined && typeof value !== "boolean")
    throw invalidVocabulary(vocabulary.path, `${key} is ${shown(value)}, expected true or false`);
  return value;
}

/** The id that a role has, or undefined when it is absent. */
export function tokenIdField(vocabulary: Vocabulary, key: string): number | undefined {
  const value = vocabulary.metadata.get(key)?.value;
  if (value === undefined) return undefined;
  const isId = typeof value === "number" && Number.isInteger(value) && value >= 0;
  if (!isId || value >= vocabulary.tokens.length) {
    throw invalidVocabulary(
      vocabulary.path,
      `${key} is ${shown(value)}, expected an id below ${vocabulary.tokens.length}`,
    );
  }
  return value;
}

/** @throws {TuttiError} TOKENIZER_INVALID: no tokens, one of them twice, kinds that are no numbers */
export function readVocabulary(path: string, metadata: TokenizerMetadata): Vocabulary {
  const tokens = strings(path, metadata, "tokenizer.ggml.tokens");
  if (tokens.length === 0) throw invalidVocabulary(path, "tokenizer.ggml.tokens is empty");
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (ids.has(token)) {
      const spelling = JSON.stringify(token.slice(0, 60));
      throw invalidVocabulary(path, `tokens ${ids.get(token)} and ${id} are both spelled ${spelling}`);
    }
    ids.set(token, id);
  }
  const kinds = numbersPerToken(path, metadata, "tokenizer.ggml.token_type", tokens.length);
  return {
    path,
    metadata,
    tokens,
    ids,
    kinds: kinds ?? new Uint8Array(tokens.length).fill(TOKEN_KIND.normal),
  };
}
