/**
 * How byte-level BPE vocabularies cut text into words, by the name that GGUF has for it (`tokenizer.ggml.pre`). White
 * space and case are spelled out, so that every engine reads the patterns alike.
 */

type Section = Readonly<Record<string, unknown>>;

export interface PreTokenizer {
  /** Names with this meaning; the first is written. */
  readonly names: readonly string[];
  readonly section: Section;
  /** Stage before it in tokenizer.json; llama.cpp has none. */
  readonly normalizer: Section | null;
  /** Words that are tokens as they stand are not built from merges. */
  readonly ignoreMerges: boolean;
  /** Whether texts begin with the bos token where the file does not say. */
  readonly addsBos: boolean;
}

const BYTE_LEVEL: Section = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
};
const BYTES_ONLY: Section = { ...BYTE_LEVEL, use_regex: false };

const split = (pattern: string): Section => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});
const sequence = (...pretokenizers: readonly Section[]): Section => ({ type: "Sequence", pretokenizers });

const W = "\\p{White_Space}";
const NOT_W = "\\P{White_Space}";
const CONTRACTIONS = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const SPACES = `${W}*[\\r\\n]+|${W}+(?!${NOT_W})|${W}+`;

/** The words of GPT-2, with white space as the reference understands it. */
export const GPT2_WORDS: string =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+" +
  "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+";

/** Words of Llama 3 and Qwen2, which differ in how many digits make a number. */
const words = (digits: string): string =>
  `(?:${CONTRACTIONS})|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^${W}\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;

const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
/** Words of GPT-4o and Mistral's Tekken: cut where capitals begin. */
const cased = (contractions: string, digits: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${contractions}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${contractions}` +
  `|${digits}| ?[^${W}\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;

export const PRE_TOKENIZERS: readonly PreTokenizer[] = [
  {
    names: ["gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "roberta-bpe"],
    normalizer: null,
    section: BYTE_LEVEL,
    ignoreMerges: false,
    addsBos: false,
  },
  {
    names: ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
    normalizer: null,
    section: sequence({ type: "Digits", individual_digits: true }, BYTE_LEVEL),
    ignoreMerges: false,
    addsBos: false,
  },
  {
    names: ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2"],
    normalizer: null,
    section: sequence(split(words("\\p{N}{1,3}")), BYTES_ONLY),
    ignoreMerges: true,
    addsBos: true,
  },
  {
    names: ["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"],
    normalizer: null,
    section: sequence(split(words("\\p{N}{1,3}")), BYTES_ONLY),
    ignoreMerges: false,
    addsBos: false,
  },
  {
    names: ["qwen2"],
    normalizer: { type: "NFC" },
    section: sequence(split(words("\\p{N}")), BYTES_ONLY),
    ignoreMerges: false,
    addsBos: false,
  },
  {
    names: ["stablelm2", "deepseek-r1-qwen", "megrez", "hunyuan"],
    normalizer: null,
    section: sequence(split(words("\\p{N}")), BYTES_ONLY),
    ignoreMerges: false,
    addsBos: false,
  },
  {
    names: ["tekken"],
    normalizer: null,
    section: sequence(split(cased("", "\\p{N}")), BYTES_ONLY),
    ignoreMerges: true,
    addsBos: true,
  },
  {
    names: ["gpt-4o", "llama4"],
    normalizer: null,
    section: sequence(split(cased(`(?:${CONTRACTIONS})?`, "\\p{N}{1,3}")), BYTES_ONLY),
    ignoreMerges: false,
    addsBos: false,
  },
];

/** A section without what does not change its meaning, with patterns in the spelling used here. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === "string") {
    return value
      .replaceAll("(?i:'s|'t|'re|'ve|'m|'ll|'d)", `(?:${CONTRACTIONS})`)
      .replaceAll("\\s", W)
      .replaceAll("\\S", NOT_W);
  }
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([key]) => key !== "trim_offsets");
  return Object.fromEntries(
    fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]),
  );
}

/** The entry that cuts words as the pre_tokenizer section of a tokenizer.json does, or undefined. */
export function preTokenizerOf(section: unknown, ignoreMerges: boolean): PreTokenizer | undefined {
  const wanted = JSON.stringify(canonical(section));
  const same = PRE_TOKENIZERS.filter((entry) => JSON.stringify(canonical(entry.section)) === wanted);
  return same.find((entry) => entry.ignoreMerges === ignoreMerges);
}

/** Patterns of released tokenizers, none of which goes back over what it has read more than once. */
const KNOWN_PATTERNS = new Set(
  [
    ...PRE_TOKENIZERS.flatMap(({ section }) => regexesOf(section)),
    GPT2_WORDS,
    // Digits, one by one or in runs.
    "\\p{N}",
    "\\p{N}+",
  ].map(canonical),
);

function regexesOf(section: Section): string[] {
  const stages = (section.pretokenizers ?? [section]) as readonly Section[];
  return stages.flatMap(({ pattern }) => (pattern as { readonly Regex?: string } | undefined)?.Regex ?? []);
}

/** Whether a regular expression is one of those that released tokenizers cut words with, in any of their spellings. */
export function isKnownPattern(regex: string): boolean {
  return KNOWN_PATTERNS.has(canonical(regex));
}
