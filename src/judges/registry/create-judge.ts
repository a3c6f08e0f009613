/** From the name of a judge to the judge. */
import { basename } from "node:path";
import { canonicalJson } from "../../judged/index.ts";
import type { Pool, PoolModel } from "../../pool/index.ts";
import { LocalModel } from "../../pool/local/local-model.ts";
import { responseIdentity } from "../../pool/model-identity.ts";
import { TuttiError } from "../../support/errors.ts";
import { createCodeJudge } from "../code/index.ts";
import { createCompositeJudge } from "../composite.ts";
import { createConstraintsJudge } from "../constraints/index.ts";
import type { Judge, PairJudge } from "../judge.ts";
import {
  BUILT_IN_RUBRICS,
  createPairwiseJudge,
  createPointwiseJudge,
  type Rubric,
} from "../language-model/index.ts";
import { createMathematicsJudge } from "../mathematics/index.ts";
import { createRewardJudge, localRewardModel, remoteRewardModel, SequenceScorer } from "../reward/index.ts";
import { createVerifier } from "../verifier.ts";
import type { JudgeSpec, SingleJudgeSpec } from "./judge-spec.ts";

/** Where a judge finds what it is made of. */
export interface JudgeResources {
  /** Models that may judge. */
  readonly pool?: Pool | undefined;
  /** Folder or file of a model. @default the reference itself */
  readonly modelPath?: (reference: string) => Promise<string>;
  /** A rubric that is not built in; undefined where there is none of that name. */
  readonly loadRubric?: (reference: string) => Rubric | undefined;
  /** The key of a server. */
  readonly secretOf?: (
    name: string,
    source: { readonly apiKeyEnv?: string | undefined; readonly apiKeyFile?: string | undefined },
  ) => string | undefined;
}

type Given<Value> = { [Name in keyof Value]: Exclude<Value[Name], undefined> };
type SpecOf<Kind> = Extract<JudgeSpec, { readonly judge: Kind }>;

/** Without the members that are undefined, which stand for what was not said. */
function given<Value extends object>(value: Value): Given<Value> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Given<Value>;
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT (parts that do not fit), UNKNOWN_CANDIDATE (a model that the pool lacks), JUDGE_INVALID (a
 *   rubric), and what opening a reward model throws
 */
export async function createJudge(
  spec: JudgeSpec,
  resources: JudgeResources = {},
): Promise<Judge | PairJudge> {
  if (spec.judge !== "composite") return await createSingle(spec, resources);
  const verifier = pointwise(await createSingle(spec.verifier, resources), "verifier");
  const tieBreak = pointwise(await createSingle(spec.tieBreak, resources), "tieBreak");
  return createCompositeJudge(verifier, tieBreak, given({ step: spec.step }));
}

function pointwise(judge: Judge | PairJudge, part: string): Judge {
  if ("judge" in judge) return judge;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `${part}: received ${judge.name}, which compares two answers, expected a judge of one answer`,
    { hint: "use a rubric of the kind pointwise, such as rating" },
  );
}

async function createSingle(spec: SingleJudgeSpec, resources: JudgeResources): Promise<Judge | PairJudge> {
  switch (spec.judge) {
    case "mathematics": {
      const { judge: _, ...options } = spec;
      return createMathematicsJudge(given(options));
    }
    case "constraints": {
      const { judge: _, ...options } = spec;
      return createConstraintsJudge(given(options));
    }
    case "code":
      return codeJudge(spec);
    case "verifier": {
      const { mathematics = {}, code = {}, constraints = {} } = spec;
      return createVerifier([
        codeJudge(code),
        createConstraintsJudge(given(constraints)),
        createMathematicsJudge(given(mathematics)),
      ]);
    }
    case "reward":
      return await localReward(spec, resources);
    case "remote-reward":
      return remoteReward(spec, resources);
    case "model":
      return await modelJudge(spec, resources);
  }
}

function codeJudge(options: Omit<SpecOf<"code">, "judge">): Judge {
  const { credit, workers, timeSeconds, memoryMegabytes } = options;
  const memoryBytes = memoryMegabytes === undefined ? undefined : memoryMegabytes * 2 ** 20;
  return createCodeJudge({
    ...given({ credit, workers }),
    limits: given({ timeSeconds, memoryBytes }),
  });
}

async function localReward(spec: SpecOf<"reward">, { modelPath }: JudgeResources): Promise<Judge> {
  const { label, scale, threads, maxTokens } = spec;
  const path = (await modelPath?.(spec.path)) ?? spec.path;
  const identity = await new LocalModel({ path }).identity();
  // Decoders read the conversation by the template, and long ones are cut.
  const revision = [
    identity.revision,
    identity.template,
    ...(maxTokens === undefined ? [] : [maxTokens]),
  ].join("/");
  const scorer = await SequenceScorer.load(path, given({ threads, maxTokens }));
  const name = spec.name ?? basename(spec.path);
  return createRewardJudge(
    localRewardModel(scorer, { name, revision, ...given({ label }) }),
    given({ scale }),
  );
}

function remoteReward(spec: SpecOf<"remote-reward">, { secretOf }: JudgeResources): Judge {
  const { judge: _, scale, apiKeyEnv, apiKeyFile, ...options } = spec;
  const apiKey = secretOf?.(spec.name, { apiKeyEnv, apiKeyFile });
  return createRewardJudge(remoteRewardModel(given({ ...options, apiKey })), given({ scale }));
}

/** With all that is known of which model answers, and how: local models by the hash of their weights. */
async function identified(model: PoolModel): Promise<PoolModel> {
  const { modelRevision, template } = await responseIdentity(model);
  return { ...model, revision: canonicalJson([modelRevision, template, model.parameters ?? {}]) };
}

async function modelJudge(
  spec: SpecOf<"model">,
  { pool, loadRubric }: JudgeResources,
): Promise<Judge | PairJudge> {
  const found = pool?.find(spec.model);
  if (found === undefined) {
    const known = pool?.models.map(({ name }) => name) ?? [];
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `judge: received the model "${spec.model}", expected one of the pool${known.length > 0 ? `: ${known.join(", ")}` : ""}`,
      { hint: "name a pool file that has the judging model" },
    );
  }
  const isBuiltIn = Object.hasOwn(BUILT_IN_RUBRICS, spec.rubric);
  const rubric = isBuiltIn ? BUILT_IN_RUBRICS[spec.rubric] : loadRubric?.(spec.rubric);
  if (rubric === undefined) {
    throw new TuttiError(
      "JUDGE_INVALID",
      `rubric: received "${spec.rubric}", expected one of ${Object.keys(BUILT_IN_RUBRICS).join(", ")}`,
      { hint: "rubric files are named in a judge file" },
    );
  }
  const model = await identified(found);
  if (rubric.kind === "pointwise") return createPointwiseJudge(model, rubric);
  return createPairwiseJudge(model, rubric, given({ isSwapped: spec.isSwapped }));
}
