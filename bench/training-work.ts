/** What `router-training` trains on: the shipped judged rows first, rows of resampled words beyond them. */
import { join } from "node:path";
import { type JudgedRecord, promptText, readJudgedRecords } from "../src/judged/index.ts";
import {
  RIVAL_NAMES,
  type RivalName,
  trainKMeans,
  trainKnn,
  trainRidge,
  trainRivals,
} from "../src/routing/baselines/index.ts";
import { CachingEmbedder, type Embedder, TfidfLsaEmbedder } from "../src/routing/embedding/index.ts";
import { trainLatent } from "../src/routing/latent/index.ts";
import { permutation, RandomStream } from "../src/tensor/random.ts";

type Train = (
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
) => Promise<unknown>;

const rival =
  (name: RivalName): Train =>
  (records, candidates, embedder) =>
    trainRivals(records, candidates, { seed: 1, embedder, names: [name] });

/** Left out: `avengers-pro` differs from `avengers` by costs only, `smoothie` embeds answers rather than trains. */
const RIVALS = RIVAL_NAMES.filter((name) => name !== "avengers-pro" && name !== "smoothie");

/** Method -> how it is trained. One line adds one. */
export const METHODS: Readonly<Record<string, Train>> = {
  latent: (records, candidates, embedder) => trainLatent("latent", records, candidates, embedder),
  knn: trainKnn,
  kmeans: (records, candidates, embedder) => trainKMeans(records, candidates, embedder, { seed: 1 }),
  ridge: trainRidge,
  ...Object.fromEntries(RIVALS.map((name) => [name, rival(name)])),
};

/** Rows and candidates of one measurement. */
export interface TrainingSize {
  readonly prompts: number;
  readonly candidates: number;
}

const ROOT = join(import.meta.dirname, "..");
const SETS = ["arenahard", "gsm8k", "humaneval", "math", "mbpp", "mtbench"];
const SHUFFLE = { seed: 7, stream: 0 };
/** Prompts that the embedding is learned from: it is not what is measured. */
const EMBEDDING_PROMPTS = 1_000;
const EMBEDDING_DIMENSION = 256;

async function realRecords(): Promise<JudgedRecord[]> {
  const files = SETS.map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`));
  const { records } = await readJudgedRecords(files);
  return [...permutation(records.length, SHUFFLE)].map((index) => records[index]!);
}

/** A prompt as long as a real one, of words that are drawn from all prompts. */
function resampled(length: number, words: readonly string[], random: RandomStream): string {
  return Array.from({ length }, () => words[random.nextInteger(words.length)]!).join(" ");
}

/**
 * `prompts` rows for `candidates` models. Models beyond the data's own answer and score as one of those does on another row;
 * rows beyond the data's own have resampled prompts and the answers of a row that is drawn.
 */
export async function trainingRows({ prompts, candidates }: TrainingSize): Promise<{
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
}> {
  const real = await realRecords();
  const own = Object.keys(real[0]!.candidates);
  const names = Array.from({ length: candidates }, (_, index) => own[index] ?? `model-${index}`);
  const texts = real.map(({ prompt }) => promptText(prompt));
  const words = texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== ""));
  const random = new RandomStream({ seed: 8, stream: prompts });
  const records = Array.from({ length: prompts }, (_, row): JudgedRecord => {
    const isReal = row < real.length;
    const source = real[isReal ? row : random.nextInteger(real.length)]!;
    const answers = names.map((name, index) => {
      const from = index < own.length ? source : real[(row + 31 * index) % real.length]!;
      return [name, from.candidates[own[index % own.length]!]!] as const;
    });
    return {
      id: `row-${row}`,
      benchmark: source.benchmark,
      prompt: isReal
        ? source.prompt
        : resampled(texts[row % real.length]!.split(/\s+/).length, words, random),
      candidates: Object.fromEntries(answers),
    };
  });
  return { records, candidates: names };
}

/** An embedder that has embedded every prompt already: what is timed afterwards is the method. */
export async function warmEmbedder(records: readonly JudgedRecord[]): Promise<Embedder> {
  const prompts = records.map(({ prompt }) => promptText(prompt));
  const inner = TfidfLsaEmbedder.fit(prompts.slice(0, EMBEDDING_PROMPTS), {
    dimension: EMBEDDING_DIMENSION,
    seed: 1,
  });
  const embedder = new CachingEmbedder(inner, 2 * prompts.length + 1);
  await embedder.embed(prompts);
  return embedder;
}

/**
 * Slope of the least-squares line through (log x, log y): y grows like x to this power.
 *
 * @param points [x, y], both positive, at least two different x
 */
export function growthExponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: 0 | 1): number => logs.reduce((sum, point) => sum + point[of], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
