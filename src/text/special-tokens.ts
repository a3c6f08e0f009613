/** Which ids play which role. */

/** Ids by role; a role that the tokenizer does not have is absent. */
export interface SpecialTokens {
  readonly cls?: number;
  readonly sep?: number;
  readonly mask?: number;
  readonly pad?: number;
  readonly unk?: number;
  readonly bos?: number;
  readonly eos?: number;
}

/** Usual spellings, tried in order where tokenizer_config.json does not name the token. */
const USUAL: Readonly<Record<keyof SpecialTokens, readonly string[]>> = {
  cls: ["[CLS]"],
  sep: ["[SEP]"],
  mask: ["[MASK]", "<mask>"],
  pad: ["[PAD]", "<pad>", "<|pad|>", "<|endoftext|>"],
  unk: ["[UNK]", "<unk>"],
  bos: ["<s>", "<bos>", "<|begin_of_text|>"],
  eos: ["</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"],
};

/** A token in tokenizer_config.json is a string, or an object with its text in `content`. */
function tokenText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : undefined;
}

/**
 * @param tokenId the vocabulary
 * @param config the content of tokenizer_config.json, or an empty object; null there means that a role is not filled
 */
export function findSpecialTokens(
  tokenId: (token: string) => number | undefined,
  config: Readonly<Record<string, unknown>>,
): SpecialTokens {
  const found: { -readonly [Role in keyof SpecialTokens]: SpecialTokens[Role] } = {};
  for (const role of Object.keys(USUAL) as (keyof SpecialTokens)[]) {
    const field = `${role}_token`;
    const named = tokenText(config[field]);
    const candidates = field in config ? (named === undefined ? [] : [named]) : USUAL[role];
    const id = candidates.map(tokenId).find((candidate) => candidate !== undefined);
    if (id !== undefined) found[role] = id;
  }
  return found;
}
