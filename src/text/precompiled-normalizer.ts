/**
 * The "Precompiled" normaliser of SentencePiece models (T5, mT5, XLM-R), as the reference library applies it: a table from
 * byte sequences to their replacements, in the double-array trie of darts-clone.
 *
 * The charsmap is base64 of: u32 size of the trie in bytes, the trie's u32 units (all little-endian), and replacements in
 * UTF-8, each ended by a zero byte. A unit holds a label in bits 0 to 7 (and 31, which no byte has), whether a value
 * follows in bit 8, and the offset of its children in bits 10 up, shifted by 8 where bit 9 is set.
 */

export type Normalize = (text: string) => string;

/** Grapheme clusters of as many bytes are looked up character by character only. */
const LONG_GRAPHEME_BYTES = 6;

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
const labelOf = (unit: number): number => (unit & 0x8000_00ff) >>> 0;
const hasValue = (unit: number): boolean => (unit & 0x100) !== 0;

/** Printable ASCII: each character is a grapheme cluster. */
const PLAIN = /^[ -~]*$/;

/**
 * The normaliser of a charsmap.
 *
 * @throws {Error} when the sizes in it make no sense
 */
export function precompiledNormalizer(charsmap: string): Normalize {
  const bytes = Buffer.from(charsmap, "base64");
  const trieBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    throw new Error(`precompiled_charsmap: a trie of ${trieBytes} bytes in ${bytes.length} bytes`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, index) => bytes.readUInt32LE(4 + 4 * index));
  const replacements = bytes.subarray(4 + trieBytes);

  /** The replacement of the shortest key that `text` begins with, which then stands for all of it. */
  const transform = (text: Uint8Array): string | undefined => {
    let node = offsetOf(units[0]!);
    for (const byte of text) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || labelOf(unit) !== byte) return undefined;
      node ^= offsetOf(unit);
      if (hasValue(unit)) return replacementAt((units[node] ?? 0) & 0x7fff_ffff);
    }
    return undefined;
  };
  const replacementAt = (start: number): string => {
    const end = replacements.indexOf(0, start);
    return replacements.toString("utf8", start, end < 0 ? replacements.length : end);
  };
  const known = new Map<string, string>();
  /** Characters come again and again. */
  const character = (text: string): string => {
    let normal = known.get(text);
    if (normal === undefined) {
      normal = transform(Buffer.from(text)) ?? text;
      known.set(text, normal);
    }
    return normal;
  };
  const plain = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index));
  const isPlainKept = plain.every((text) => character(text) === text);
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  return (text) => {
    if (isPlainKept && PLAIN.test(text)) return text;
    let normal = "";
    for (const { segment } of segmenter.segment(text)) {
      const encoded = segment.length === 1 ? undefined : Buffer.from(segment);
      const whole = encoded && encoded.length < LONG_GRAPHEME_BYTES ? transform(encoded) : undefined;
      if (whole !== undefined) normal += whole;
      else for (const part of segment) normal += character(part);
    }
    return normal;
  };
}
