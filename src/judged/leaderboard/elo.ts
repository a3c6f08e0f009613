/** Elo's rule: ratings that move after every game. They depend on the order of the games; Bradley-Terry's do not. */

export interface EloOptions {
  /** Points that a sure loss moves. @default 4, which is Chatbot Arena's */
  readonly k?: number;
  readonly start?: number;
}

/**
 * R_first += K (outcome - E), R_second -= K (outcome - E), E = 1 / (1 + 10^((R_second - R_first) / 400)).
 *
 * @param games in order; outcome is the first's share of the win
 */
export function eloRatings(
  models: number,
  games: Iterable<{ readonly first: number; readonly second: number; readonly outcome: number }>,
  { k = 4, start = 1000 }: EloOptions = {},
): Float64Array {
  const ratings = new Float64Array(models).fill(start);
  for (const { first, second, outcome } of games) {
    const expected = 1 / (1 + 10 ** ((ratings[second]! - ratings[first]!) / 400));
    const gain = k * (outcome - expected);
    ratings[first]! += gain;
    ratings[second]! -= gain;
  }
  return ratings;
}
