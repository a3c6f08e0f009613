/** Methods of the table over one embedder, trained together. */
import { type JudgedRecord, promptText } from "../../src/judged/index.ts";
import {
  trainKMeans,
  trainKnn,
  trainLogistic,
  trainMatrixFactorisation,
  trainRidge,
} from "../../src/routing/baselines/index.ts";
import { CachingEmbedder, type Embedder, TfidfLsaEmbedder } from "../../src/routing/embedding/index.ts";
import { trainLatent } from "../../src/routing/latent/index.ts";
import type { Router } from "../../src/routing/router.ts";

/** Score rows by method, one row per test prompt. */
export type Scores = Record<string, readonly number[][]>;

const ENSEMBLE = "latent, both";

export async function scoresOf(
  train: readonly JudgedRecord[],
  test: readonly JudgedRecord[],
  candidates: readonly string[],
  seed: number,
  encoder: Embedder | undefined,
): Promise<Scores> {
  const words = new CachingEmbedder(
    TfidfLsaEmbedder.fit(
      train.map(({ prompt }) => promptText(prompt)),
      { seed },
    ),
    40_000,
  );
  const queries = test.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));
  const scores: Scores = {};
  for (const [suffix, embedder] of [
    [" (words)", words] as const,
    ...(encoder ? [["", encoder] as const] : []),
  ]) {
    const routers: Router[] = [
      await trainKnn(train, candidates, embedder),
      await trainKMeans(train, candidates, embedder, { seed }),
      await trainRidge(train, candidates, embedder),
      await trainLogistic(train, candidates, embedder, { seed }),
      await trainMatrixFactorisation(train, candidates, embedder, { seed }),
      await trainLatent("latent", train, candidates, embedder),
    ];
    for (const router of routers) {
      scores[`${router.name}${suffix}`] = (await router.scores(queries)).map((row) => [...row]);
    }
  }
  if (encoder) {
    const own = scores.latent!;
    const other = scores["latent (words)"]!;
    scores[ENSEMBLE] = own.map((row, prompt) =>
      row.map((score, column) => (score + other[prompt]![column]!) / 2),
    );
  }
  return scores;
}
