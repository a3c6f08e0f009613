/** Methods of the table over one embedder, trained together. */
import { type JudgedRecord, promptText } from "../../src/judged/index.ts";
import {
  FixedRouter,
  trainDomainBest,
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

/** The candidate with the highest mean score in training. */
function bestSingle(records: readonly JudgedRecord[], candidates: readonly string[]): string {
  const totals = candidates.map((name) =>
    records.reduce((sum, record) => sum + record.candidates[name]!.score, 0),
  );
  return candidates[totals.indexOf(Math.max(...totals))]!;
}

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
  const told = test.map(({ benchmark }, index) => ({ ...queries[index]!, domain: benchmark }));
  const tables: [string, Router][] = [
    ["told the subject", trainDomainBest(train, candidates)],
    ["best single model", new FixedRouter(candidates, bestSingle(train, candidates))],
  ];
  for (const [name, router] of tables) scores[name] = (await router.scores(told)).map((row) => [...row]);
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
