/** Tokenizer metadata of a GGUF file from a Hugging Face tokenizer.json: the way back from `read.ts`. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import { findSpecialTokens } from "../special-tokens.ts";
import { checkTokenizerJson, type TokenizerJson } from "../tokenizer-json.ts";
import { TOKEN_KIND } from "./metadata.ts";
import { preTokenizerOf } from "./pre-tokenizers.ts";

/** A typed value as a GGUF writer takes it. */
export type TokenizerField =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "uint32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "array"; readonly items: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly items: "int32"; readonly value: Int32Array }
  | { readonly type: "array"; readonly items: "float32"; readonly value: Float32Array };

type Section = Readonly<Record<string, unknown>>;
type Fields = [key: string, field: TokenizerField][];

/** Token spellings and kinds by id. */
interface TokenList {
  readonly tokens: readonly string[];
  readonly kinds: Int32Array;
}

const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;
const text = (value: string): TokenizerField => ({ type: "string", value });
const list = (value: readonly string[]): TokenizerField => ({ type: "array", items: "string", value });

function unsupported(what: string, received: unknown): TuttiError {
  return new TuttiError(
    "TOKENIZER_INVALID",
    `tokenizer.json: ${what} has no form in GGUF: ${shown(received, 160)}`,
    {
      hint: "byte-level BPE of a known family, SentencePiece BPE with byte fallback, and lower-casing WordPiece can be written",
    },
  );
}

/** All tokens by id; ids without a token get one that no text contains. */
function listTokens(json: TokenizerJson, vocabularySize: number | undefined): TokenList {
  const vocabulary = json.model.vocab as Readonly<Record<string, number>>;
  const byId = new Map(Object.entries(vocabulary).map(([token, id]) => [id, token]));
  for (const { id, content } of json.added_tokens ?? []) byId.set(id, content);
  const needed = [...byId.keys()].reduce((largest, id) => Math.max(largest, id + 1), 0);
  const size = vocabularySize ?? needed;
  // A file has at most a few hundred thousand; larger ids would only make an absurdly long list.
  if (needed > size || size > byId.size + 65_536) {
    throw new TuttiError(
      "TOKENIZER_MISMATCH",
      `ids reach ${needed - 1}, the model has ${size} rows for ${byId.size} tokens`,
    );
  }
  const tokens = Array.from({ length: size }, (_, id) => byId.get(id) ?? `[PAD${id}]`);
  const hasBytes = json.model.byte_fallback === true;
  const kinds = Int32Array.from(tokens, (token, id) => {
    if (!byId.has(id)) return TOKEN_KIND.unused;
    return hasBytes && BYTE_TOKEN.test(token) ? TOKEN_KIND.byte : TOKEN_KIND.normal;
  });
  for (const { id, ...token } of json.added_tokens ?? []) {
    const isSpecial = (token as Section).special === true;
    kinds[id] = isSpecial ? TOKEN_KIND.control : TOKEN_KIND.userDefined;
  }
  return { tokens, kinds };
}

function mergesOf(json: TokenizerJson): string[] {
  const merges = json.model.merges as readonly (string | readonly string[])[];
  return merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
}

function byteLevel(json: TokenizerJson): Fields {
  const pre = preTokenizerOf(json.pre_tokenizer, json.model.ignore_merges === true);
  if (pre === undefined) throw unsupported("section pre_tokenizer", json.pre_tokenizer);
  const normalizer = json.normalizer?.type ?? null;
  if (normalizer !== null && normalizer !== pre.normalizer?.type)
    throw unsupported("section normalizer", json.normalizer);
  return [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text(pre.names[0]!)],
    ["tokenizer.ggml.merges", list(mergesOf(json))],
  ];
}

/** Whether a space is put before the text; undefined when the stages do something else than SentencePiece. */
function addsSpace({ normalizer, pre_tokenizer }: TokenizerJson): boolean | undefined {
  const stages = normalizer?.type === "Sequence" ? (normalizer.normalizers as Section[]) : [normalizer];
  const types = stages.map((stage) => stage?.type);
  if (pre_tokenizer?.type === "Metaspace" && normalizer === null)
    return pre_tokenizer.prepend_scheme !== "never";
  const isPlain = pre_tokenizer === null || pre_tokenizer.type === "Split";
  if (isPlain && types.join() === "Prepend,Replace") return true;
  return isPlain && types.join() === "Replace" ? false : undefined;
}

/** Scores that order the pieces as the merges do: minus the place of the first merge that makes a piece. */
function sentencePiece(json: TokenizerJson, { tokens, kinds }: TokenList): Fields {
  const space = addsSpace(json);
  if (space === undefined) throw unsupported("section normalizer", json.normalizer);
  const first = new Map<string, number>();
  for (const [rank, merge] of mergesOf(json).entries()) {
    const piece = merge.replace(" ", "");
    if (!first.has(piece)) first.set(piece, rank);
  }
  const scores = Float32Array.from(tokens, (token, id) =>
    kinds[id] === TOKEN_KIND.normal ? -(first.get(token) ?? first.size + id) : 0,
  );
  return [
    ["tokenizer.ggml.model", text("llama")],
    ["tokenizer.ggml.pre", text("default")],
    ["tokenizer.ggml.scores", { type: "array", items: "float32", value: scores }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: space }],
  ];
}

/** Beginnings of words get a mark, continuations lose theirs. */
function spellWordPiece(token: string): string {
  if (/^\[.*\]$/s.test(token)) return token;
  return token.startsWith("##") ? token.slice(2) : `▁${token}`;
}

/** The tokens that the post-processor puts around a text. */
function template(section: Section | null): { readonly begins: boolean; readonly ends: boolean } {
  if (section?.type === "Sequence") {
    const parts = (section.processors as Section[]).map(template);
    return { begins: parts.some(({ begins }) => begins), ends: parts.some(({ ends }) => ends) };
  }
  if (section?.type !== "TemplateProcessing") return { begins: false, ends: false };
  const single = section.single as Section[];
  const isToken = (item: Section | undefined): boolean => item !== undefined && "SpecialToken" in item;
  return { begins: isToken(single[0]), ends: isToken(single.at(-1)) };
}

const ROLE_KEYS = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  unk: "unknown_token_id",
  pad: "padding_token_id",
  cls: "cls_token_id",
  // Misspelled in the format.
  sep: "seperator_token_id",
  mask: "mask_token_id",
} as const;

function roleFields(tokens: readonly string[], config: Section): Fields {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const roles = findSpecialTokens((token) => ids.get(token), config);
  return (Object.keys(ROLE_KEYS) as (keyof typeof ROLE_KEYS)[]).flatMap((role): Fields => {
    const value = roles[role];
    return value === undefined ? [] : [[`tokenizer.ggml.${ROLE_KEYS[role]}`, { type: "uint32", value }]];
  });
}

function kindFields(json: TokenizerJson, tokenList: TokenList): Fields {
  if (json.model.type === "BPE") {
    return json.model.byte_fallback === true ? sentencePiece(json, tokenList) : byteLevel(json);
  }
  const lowers = json.normalizer?.type === "BertNormalizer" && json.normalizer.lowercase !== false;
  if (json.model.type !== "WordPiece" || !lowers) throw unsupported("section model", json.model.type);
  return [
    ["tokenizer.ggml.model", text("bert")],
    ["tokenizer.ggml.token_type_count", { type: "uint32", value: 2 }],
  ];
}

/**
 * The metadata of a tokenizer, for a GGUF file.
 *
 * @param tokenizerJson the content of a tokenizer.json
 * @param tokenizerConfig the content of the tokenizer_config.json: special tokens by role, chat template
 * @param vocabularySize rows of the model's embedding table, where it has more than there are tokens
 * @throws {TuttiError} TOKENIZER_INVALID (no tokenizer.json, or a pipeline that GGUF cannot express),
 *   TOKENIZER_MISMATCH (more tokens than rows)
 */
export function ggufTokenizerMetadata(
  tokenizerJson: unknown,
  tokenizerConfig: Section = {},
  vocabularySize?: number,
): ReadonlyMap<string, TokenizerField> {
  const problem = checkTokenizerJson(tokenizerJson);
  if (problem !== undefined) throw new TuttiError("TOKENIZER_INVALID", `tokenizer.json: ${problem}`);
  const json = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    ...(tokenizerJson as object),
  } as TokenizerJson;
  if (Array.isArray(json.model.vocab)) throw unsupported("model.type", json.model.type);
  const tokenList = listTokens(json, vocabularySize);
  const { begins, ends } = template(json.post_processor);
  const isWordPiece = json.model.type === "WordPiece";
  const spelled = isWordPiece ? tokenList.tokens.map(spellWordPiece) : tokenList.tokens;
  const chatTemplate = tokenizerConfig.chat_template;
  return new Map<string, TokenizerField>([
    ...kindFields(json, tokenList),
    ["tokenizer.ggml.tokens", list(spelled)],
    ["tokenizer.ggml.token_type", { type: "array", items: "int32", value: tokenList.kinds }],
    ...roleFields(tokenList.tokens, tokenizerConfig),
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: begins }],
    ["tokenizer.ggml.add_eos_token", { type: "bool", value: ends }],
    ...(typeof chatTemplate === "string"
      ? ([["tokenizer.chat_template", text(chatTemplate)]] satisfies Fields)
      : []),
  ]);
}
