/** Mixed texts to try tokenizers on, always the same ones: scripts, code, emoji, numbers, white space, chat templates, noise. */
import { RandomStream, streamOf } from "../../src/tensor/index.ts";

const PIECES: Readonly<Record<string, readonly string[]>> = {
  words: [
    ..."the orchestra tunes; its oboe's A isn't sharp, WE'VE heard 440 Hz (or 442) of it - e.g. \"slowly\"".split(
      " ",
    ),
    ..."Žluťoučký kůň naïve straße STRASSE İstanbul ıI ΣΟΦΟΣ σοφός Привет мир Щука ёж ﬁne Ⅷ ½ ǅ co\u0301te\u0301".split(
      " ",
    ),
    ..."今天的音樂會 日本語のテキスト ｶﾅ ＡＢＣ 안녕하세요 \u1112\u1161\u11ab مرحبا عَرَبِيّ שָׁלוֹם हिन्दी में ภาษาไทย ქართული አማርኛ தமிழ்".split(
      " ",
    ),
  ],
  code: [
    "def area(r: float) -> float:\n    return 3.14159 * r ** 2\n",
    "for (let i = 0; i < n; i++) {\n\ttotal += prices[i] * 1.21;\n}\n",
    "SELECT name, COUNT(*) FROM t GROUP BY 1;",
    "#include <vector>\r\nint main() { return 0; }",
    '{"a": [1, 2.5e-3, null], "b\\n": "\\u00e9"}',
    "if __name__ == '__main__':",
    '<div class="x">&amp;</div>',
    "https://example.org/a?b=c&d=%20#e",
    "$\\frac{x^2 - 1}{x + 1}$",
    "git commit -m 'fix: x' && echo $?",
    "x = y<<2 | ~z ^ 0xFF; // ===",
  ],
  emoji: [..."👍🏽 👩‍👩‍👧 🇩🇪 ❤️ 🫠 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣ 😀😀 🤦🏻‍♂️ ☃ ™ ©️".split(" ")],
  space: [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2009", " \n ", "        "],
  special: [
    ..."<|im_start|> <|im_end|> <|endoftext|> <start_of_turn> <end_of_turn> <bos> <eos> <s> </s> <unk> [CLS] [SEP] [PAD] [MASK] [INST] <<SYS>> <|user|> <0x0A> ##ing ▁".split(
      " ",
    ),
    "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n",
    "<start_of_turn>user\nHi!<end_of_turn>\n<start_of_turn>model\n",
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n",
  ],
};
const KINDS = Object.keys(PIECES);

/** Blocks of code points; surrogates are none of them. */
const BLOCKS: readonly (readonly [number, number])[] = [
  ...[
    [0x00, 0x7f],
    [0x20, 0x7e],
    [0xa0, 0x24f],
    [0x300, 0x36f],
    [0x370, 0x52f],
    [0x590, 0x6ff],
    [0x900, 0xd7f],
  ],
  ...[
    [0xe00, 0xfff],
    [0x1100, 0x11ff],
    [0x1e00, 0x1fff],
    [0x2000, 0x206f],
    [0x2070, 0x2bff],
    [0x3000, 0x30ff],
  ],
  ...[
    [0x4e00, 0x9fff],
    [0xac00, 0xd7a3],
    [0xf900, 0xfaff],
    [0xfe00, 0xfffd],
    [0x1f300, 0x1faff],
    [0x20000, 0x2a6df],
  ],
] as [number, number][];

/** `count` texts of up to a few hundred characters. */
export function mixedTexts(count: number): string[] {
  const random = new RandomStream({ seed: 10_000, stream: streamOf("tokenizer corpus") });
  const pick = <T>(items: readonly T[]): T => items[random.nextInteger(items.length)]!;
  const noise = (): string => {
    const [from, to] = pick(BLOCKS);
    const length = 1 + random.nextInteger(8);
    return String.fromCodePoint(...Array.from({ length }, () => from + random.nextInteger(to - from + 1)));
  };
  const digits = (): string => String(random.nextInteger(10 ** (1 + random.nextInteger(9))));
  const piece = (): string => {
    const kind = random.nextUniform();
    if (kind < 0.1) return noise();
    if (kind < 0.17) return digits();
    return pick(PIECES[kind < 0.5 ? "words" : pick(KINDS)]!);
  };
  return Array.from({ length: count }, () => {
    const glue = pick(["", " ", " ", " "]);
    return Array.from({ length: 1 + random.nextInteger(16) }, piece).join(glue);
  });
}
