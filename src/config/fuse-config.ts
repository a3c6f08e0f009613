/** The fuse file: sources, target, domains and training of a fusion run, checked and with every default filled in. */
import { dirname, resolve } from "node:path";
import { type FuseFile, type FuseFileDomain, fuseKeys, fuseSchema } from "./fuse-schema.ts";
import { FUSE_TARGETS, fuseBeta } from "./fuse-targets.ts";
import { readYamlFile, type YamlFile } from "./yaml-file.ts";

/** Gaps of FuseChat-3.0, in the scores of ArmoRM. */
const PAPER_GAP = { least: 0.01, most: 0.1 };
const PAPER_SFT_SHARE = 0.4;
const HOLDOUT_SHARE = 0.05;

export type FuseHoldout =
  | { readonly share: number; readonly most?: number }
  | { readonly files: readonly string[]; readonly most?: number };

export interface FuseDomainConfig
  extends Omit<FuseFileDomain, "sources" | "holdout" | "sft" | "pairs" | "prompts"> {
  readonly prompts: readonly string[];
  /** In the order of the file's sources. */
  readonly sources: readonly { readonly model: string; readonly samples: number }[];
  readonly holdout: FuseHoldout;
  readonly sft: {
    readonly choose: "best" | "correct-then-best" | "first" | "vote";
    readonly promptShare: number;
  };
  readonly pairs: {
    readonly choose: "same-source" | "cross-source" | "shortest-above-mean" | "none";
    readonly leastGap: number;
    /** null: no limit */
    readonly mostGap: number | null;
    readonly sources: "largest-gap" | "first" | "all";
    readonly verified: boolean;
    readonly unpaired: "drop" | "sft";
  };
}

export interface FuseConfig extends Omit<FuseFile, "domains" | "sft" | "dpo"> {
  readonly domains: readonly FuseDomainConfig[];
  readonly sft: FuseFile["sft"] & { readonly learningRate: number };
  readonly dpo: FuseFile["dpo"] & {
    readonly learningRate: number;
    readonly beta: number;
    readonly lengthNormalised: boolean;
  };
}

/**
 * Reads and checks a fuse file. Paths come back absolute, but for judges, which are named as on the command line: what is a path
 * in them is relative to the file.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; CONFIG_INVALID naming file, line and field
 */
export function loadFuseConfig(path: string): FuseConfig {
  const file = readYamlFile(path, { schema: fuseSchema, code: "CONFIG_INVALID", knownKeys: fuseKeys });
  const { value } = file;
  checkNames(file);
  const absolute = (name: string): string => resolve(dirname(path), name);
  const target = FUSE_TARGETS[value.target.like];
  const lengthNormalised = value.dpo.lengthNormalised ?? target.isLengthNormalised;
  return {
    ...value,
    pool: absolute(value.pool),
    ...(value.store !== undefined && { store: storeAddress(value.store, absolute) }),
    target: { ...value.target, model: modelAddress(value.target.model, absolute) },
    domains: value.domains.map((domain, index) => withDefaults(file, domain, index, absolute)),
    sft: { ...value.sft, learningRate: value.sft.learningRate ?? target.sftLearningRate },
    dpo: {
      ...value.dpo,
      learningRate: value.dpo.learningRate ?? target.dpoLearningRate,
      lengthNormalised,
      beta:
        value.dpo.beta ??
        (lengthNormalised === target.isLengthNormalised ? target.beta : fuseBeta(lengthNormalised)),
    },
  };
}

type Absolute = (name: string) => string;

const storeAddress = (store: string, absolute: Absolute): string =>
  /^[a-z][a-z0-9+.-]+:/i.test(store) ? store : absolute(store);

const modelAddress = (model: string, absolute: Absolute): string =>
  model.startsWith("hf:") ? model : absolute(model);

function checkNames(file: YamlFile<FuseFile>): void {
  const { sources, domains } = file.value;
  unique(
    file,
    "sources",
    "model",
    sources.map(({ model }) => model),
  );
  unique(
    file,
    "domains",
    "name",
    domains.map(({ name }) => name),
  );
}

function unique(file: YamlFile<FuseFile>, list: string, field: string, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first === index) continue;
    throw file.fail([list, index, field], `"${name}" is already the ${field} of ${list}[${first}]`);
  }
}

function withDefaults(
  file: YamlFile<FuseFile>,
  domain: FuseFileDomain,
  index: number,
  absolute: Absolute,
): FuseDomainConfig {
  const at = (...keys: PropertyKey[]) => ["domains", index, ...keys];
  const known = file.value.sources.map(({ model }) => model);
  const given = (domain.sources ?? known).map((source) =>
    typeof source === "string" ? { model: source, samples: domain.samples } : source,
  );
  for (const [place, { model: name }] of given.entries()) {
    const isAgain = given.findIndex(({ model }) => model === name) < place;
    if (known.includes(name) && !isAgain) continue;
    throw file.fail(
      at("sources", place),
      isAgain
        ? `"${name}" is named twice`
        : `received "${name}", expected one of the sources: ${known.join(", ")}`,
    );
  }
  for (const [place, pattern] of domain.exclude.entries()) {
    if (!isPattern(pattern)) {
      throw file.fail(
        at("exclude", place),
        `received ${JSON.stringify(pattern)}, which is no regular expression`,
      );
    }
  }
  const sources = known.flatMap((name) => given.find(({ model }) => model === name) ?? []);
  const pairs = pairRule(file, domain, index, Math.max(...sources.map(({ samples }) => samples)));
  const hasPairs = pairs.choose !== "none";
  if (hasPairs && domain.sft.promptShare === 1) {
    throw file.fail(
      at("sft", "promptShare"),
      "received 1, which leaves no prompt to give pairs",
      "give a smaller share, or pairs: { choose: none }",
    );
  }
  return {
    ...domain,
    prompts: domain.prompts.map(absolute),
    sources,
    holdout: holdoutOf(file, domain, index, absolute),
    sft: {
      choose: answerRule(file, domain, index),
      promptShare: domain.sft.promptShare ?? (hasPairs ? PAPER_SFT_SHARE : 1),
    },
    pairs,
  };
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, "iu") instanceof RegExp;
  } catch {
    return false;
  }
}

function holdoutOf(
  file: YamlFile<FuseFile>,
  { holdout: { share, files, most } }: FuseFileDomain,
  index: number,
  absolute: Absolute,
): FuseHoldout {
  if (share !== undefined && files !== undefined) {
    throw file.fail(
      ["domains", index, "holdout", "files"],
      "received files beside a share, expected one of them",
    );
  }
  const limit = most !== undefined && { most };
  return files === undefined
    ? { share: share ?? HOLDOUT_SHARE, ...limit }
    : { files: files.map(absolute), ...limit };
}

/** Verified answers are correct first; others are best by the scorer; without a judge the first is taken. */
function answerRule(
  file: YamlFile<FuseFile>,
  { verifier, scorer, sft }: FuseFileDomain,
  index: number,
): FuseDomainConfig["sft"]["choose"] {
  const rule = sft.choose ?? (verifier ? "correct-then-best" : scorer ? "best" : "first");
  const needs = rule === "best" ? (scorer ?? verifier) : rule === "first" ? rule : verifier;
  if (needs !== undefined) return rule;
  throw file.fail(
    ["domains", index, "sft", "choose"],
    `received "${rule}" in a domain without ${rule === "best" ? "a scorer or verifier" : "a verifier"}`,
    "name a judge for the domain, or choose another rule",
  );
}

function pairRule(
  file: YamlFile<FuseFile>,
  { verifier, scorer, pairs }: FuseFileDomain,
  index: number,
  samples: number,
): FuseDomainConfig["pairs"] {
  const at = (key: string) => ["domains", index, "pairs", key];
  const isJudged = (verifier ?? scorer) !== undefined;
  const choose = pairs.choose ?? (isJudged && samples > 1 ? "same-source" : "none");
  if (choose !== "none" && !isJudged) {
    throw file.fail(at("choose"), `received "${choose}" in a domain without a scorer or verifier`);
  }
  if (choose === "same-source" && samples < 2) {
    throw file.fail(at("choose"), "pairs of one source need at least 2 samples, received 1");
  }
  if (pairs.verified && choose === "shortest-above-mean") {
    throw file.fail(at("verified"), "received true, which shortest-above-mean does not look at");
  }
  const verified = pairs.verified ?? (verifier !== undefined && choose !== "shortest-above-mean");
  if (verified && verifier === undefined) {
    throw file.fail(at("verified"), "received true in a domain without a verifier");
  }
  // Scores of a verifier alone are 0 and 1: a window made for a reward model would let no pair through.
  const leastGap = pairs.leastGap ?? (scorer === undefined ? 0 : PAPER_GAP.least);
  const mostGap =
    pairs.mostGap === undefined ? (scorer === undefined ? null : PAPER_GAP.most) : pairs.mostGap;
  if (mostGap !== null && mostGap < leastGap) {
    throw file.fail(at("mostGap"), `received ${mostGap}, expected at least the leastGap of ${leastGap}`);
  }
  const unpaired = pairs.unpaired ?? (verified || choose === "none" ? "sft" : "drop");
  return { choose, leastGap, mostGap, sources: pairs.sources, verified, unpaired };
}
