/**
 * BPE merges of a SentencePiece vocabulary. SentencePiece joins the neighbours whose joint piece has the highest score;
 * listing every way to make each piece from two others, best score first, says the same as merges.
 */

/**
 * @param ids id of every piece
 * @param scores by id
 * @returns pairs of pieces, to be tried in this order
 */
export function mergesFromScores(
  ids: ReadonlyMap<string, number>,
  scores: ArrayLike<number>,
): [string, string][] {
  const merges: [string, string][] = [];
  const pieces = [...ids].sort(([, a], [, b]) => scores[b]! - scores[a]! || a - b);
  for (const [piece] of pieces) {
    // Longest left part first, as transformers lists them.
    for (let cut = piece.length - 1; cut > 0; cut--) {
      if (isInsideCharacter(piece, cut)) continue;
      const left = piece.slice(0, cut);
      if (!ids.has(left)) continue;
      const right = piece.slice(cut);
      if (ids.has(right)) merges.push([left, right]);
    }
  }
  return merges;
}

function isInsideCharacter(text: string, cut: number): boolean {
  const unit = text.charCodeAt(cut);
  return unit >= 0xdc00 && unit < 0xe000;
}
