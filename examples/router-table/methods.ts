/** The methods of the table: each group is trained together on one part and chooses for its test prompts. */
import { type JudgedRecord, promptText, splitByPrompt } from "../../src/judged/index.ts";
import {
  FixedRouter,
  RandomRouter,
  trainBaselines,
  trainDomainBest,
  trainKnn,
  trainMatrixFactorisation,
  trainRivals,
  trainStringRule,
} from "../../src/routing/baselines/index.ts";
import { lookaheadDefaults } from "../../src/routing/defaults.ts";
import { CachingEmbedder, type Embedder, TfidfLsaEmbedder } from "../../src/routing/embedding/index.ts";
import { fitEnsemble } from "../../src/routing/ensemble/index.ts";
import { type LatentOptions, trainLatent } from "../../src/routing/latent/index.ts";
import { type LookaheadOptions, trainLookahead, type Variant } from "../../src/routing/lookahead/index.ts";
import type { Router } from "../../src/routing/router.ts";
import type { Part } from "./protocol.ts";

export interface Setting {
  readonly candidates: readonly string[];
  /** A pretrained encoder, with its vectors kept on disk. */
  readonly encoder: Embedder | undefined;
  /** Its folder, for backbones that start from it. */
  readonly encoderFolder: string | undefined;
  readonly threads: number;
  /** Folder for training checkpoints of a part. */
  readonly checkpoints: (part: Part) => string;
  readonly onStep: (method: string, step: number, totalSteps: number) => void;
}

/** Trains on `part.train` alone. Routers are disposed of by the caller. */
export type Group = (part: Part, setting: Setting) => Promise<{ name: string; router: Router }[]>;

const prompts = (records: readonly JudgedRecord[]): string[] =>
  records.map(({ prompt }) => promptText(prompt));

const named = (routers: readonly Router[], suffix: string) =>
  routers.map((router) => ({ name: `${router.name}${suffix}`, router }));

function tfidf({ train, seed }: Part): Embedder {
  return new CachingEmbedder(TfidfLsaEmbedder.fit(prompts(train), { seed }), 20_000);
}

async function overEmbedder(part: Part, { candidates }: Setting, embedder: Embedder, suffix: string) {
  const { train, seed } = part;
  const baselines = (await trainBaselines(train, candidates, { seed, embedder })).filter(
    (router) => router.embedder !== undefined,
  );
  return named([...baselines, await trainLatent("latent", train, candidates, embedder)], suffix);
}

/** The rivals of the latent variant and Lookahead, which read prompts through an embedding as it does. */
async function rivalsOver(part: Part, { candidates }: Setting, embedder: Embedder, suffix: string) {
  const { train, seed } = part;
  const answerEmbedder = TfidfLsaEmbedder.fit(
    train
      .slice(0, 1000)
      .flatMap((record) => Object.values(record.candidates).map(({ response }) => response)),
    { seed, dimension: 128 },
  );
  return named(await trainRivals(train, candidates, { seed, embedder, answerEmbedder }), suffix);
}

/** The latent variant with one choice changed at a time. */
const LATENT_STUDIES: Readonly<Record<string, LatentOptions>> = {
  "raw embeddings": { features: "raw" },
  "one task": { tasks: "one" },
  "a task per benchmark": { tasks: "benchmarks" },
  "scores for utilities": { targets: "score" },
  "half a teacher": { teacherShare: 0.5 },
  "teacher alone": { teacherShare: 1 },
};

async function studiesOver(part: Part, { candidates }: Setting, embedder: Embedder, latent: string) {
  const routers: { name: string; router: Router }[] = [];
  for (const [change, options] of Object.entries(LATENT_STUDIES)) {
    const name = `${latent}, ${change}`;
    routers.push({ name, router: await trainLatent(name, part.train, candidates, embedder, options) });
  }
  return routers;
}

const studies: Group = async (part, setting) => {
  const { candidates, encoder } = setting;
  if (encoder === undefined) return [];
  const routers = await studiesOver(part, setting, encoder, "latent");
  const both = [
    await trainLatent("words", part.train, candidates, tfidf(part)),
    await trainLatent("encoder", part.train, candidates, encoder),
  ];
  const name = "latent, words and encoder";
  const ensemble: Router = {
    name,
    candidates,
    scores: async (queries) => {
      const [a, b] = [await both[0]!.scores(queries), await both[1]!.scores(queries)];
      return a.map((row, index) => row.map((score, column) => score + b[index]![column]!));
    },
  };
  return [...routers, { name, router: ensemble }];
};

interface LookaheadStudy {
  /** What the row says that was changed; nothing for the variant as it comes. */
  readonly change?: string;
  readonly options?: Partial<LookaheadOptions>;
  /** Starts from the pretrained encoder rather than from scratch. */
  readonly isPretrained?: boolean;
}

function lookahead(
  variant: Variant,
  { change, options = {}, isPretrained = false }: LookaheadStudy = {},
): Group {
  return async (part, { candidates, encoderFolder, threads, checkpoints, onStep }) => {
    if (isPretrained && encoderFolder === undefined) return [];
    const { train, holdout } = splitByPrompt(part.train, { holdoutShare: 0.1, seed: part.seed + 7919 });
    let total = 0;
    const name = `${variant === "mlc" ? "mlc" : `lookahead ${variant}`}${change === undefined ? "" : `, ${change}`}`;
    const router = await trainLookahead(
      name,
      train,
      holdout,
      candidates,
      {
        ...lookaheadDefaults(variant, isPretrained),
        ...(isPretrained && encoderFolder !== undefined && { backboneFolder: encoderFolder }),
        ...options,
        seed: part.seed,
        threads,
      },
      `${checkpoints(part)}/${change === undefined ? variant : name.replaceAll(/[ ,]+/g, "-")}`,
      {
        onStart: ({ totalSteps }) => {
          total = totalSteps;
        },
        onStep: ({ step }) => onStep(name, step + 1, total),
      },
    );
    return [{ name, router }];
  };
}

/**
 * The latent variant over words with a network beside it. The network is the one of its own group: a training that is
 * finished is taken from its folder.
 */
function withLatent(variant: Variant): Group {
  return async (part, setting) => {
    const members = [
      await trainLatent("latent (words)", part.train, setting.candidates, tfidf(part)),
      ...(await lookahead(variant)(part, setting)).map(({ router }) => router),
    ];
    const router = await fitEnsemble(`latent (words), averaged with ${variant}`, members, part.train);
    return [{ name: router.name, router }];
  };
}

/** The latent variant with one rival beside it over the same words. */
const ensemblesWords: Group = async (part, { candidates }) => {
  const { train, seed } = part;
  const words = tfidf(part);
  const latent = await trainLatent("latent (words)", train, candidates, words);
  const partners: Router[] = [
    await trainKnn(train, candidates, words),
    await trainMatrixFactorisation(train, candidates, words, { seed }),
  ];
  const routers: Router[] = [];
  for (const partner of partners) {
    routers.push(
      await fitEnsemble(`${latent.name}, averaged with ${partner.name}`, [latent, partner], train),
    );
  }
  return named(routers, "");
};

/** In the order in which they are computed: the quick ones first. */
const COMPARED: Readonly<Record<string, Group>> = {
  tables: async ({ train, seed }, { candidates }) =>
    named(
      [
        new RandomRouter(candidates, seed),
        ...candidates.map((name) => new FixedRouter(candidates, name)),
        trainDomainBest(train, candidates),
        trainStringRule(train, candidates),
      ],
      "",
    ),
  words: (part, setting) => overEmbedder(part, setting, tfidf(part), " (words)"),
  encoder: (part, setting) =>
    setting.encoder === undefined ? Promise.resolve([]) : overEmbedder(part, setting, setting.encoder, ""),
  "rivals-words": (part, setting) => rivalsOver(part, setting, tfidf(part), " (words)"),
  rivals: (part, setting) =>
    setting.encoder === undefined ? Promise.resolve([]) : rivalsOver(part, setting, setting.encoder, ""),
  "studies-words": (part, setting) => studiesOver(part, setting, tfidf(part), "latent (words)"),
  "ensembles-words": ensemblesWords,
  studies,
  mlm: lookahead("mlm"),
  mlc: lookahead("mlc"),
  clm: lookahead("clm"),
};

/** Changes to the networks, one at a time: hours each, and only when asked for. */
const NETWORK_STUDIES: Readonly<Record<string, Group>> = {
  "mlm-informative": lookahead("mlm", { change: "informative spans", options: { span: "informative" } }),
  "mlm-latent": withLatent("mlm"),
  "mlc-tuned": lookahead("mlc", {
    change: "last two layers of the encoder tuned",
    options: { tunedLayers: 2 },
    isPretrained: true,
  }),
};

export const GROUPS: Readonly<Record<string, Group>> = { ...COMPARED, ...NETWORK_STUDIES };
export const DEFAULT_GROUPS: readonly string[] = Object.keys(COMPARED);
