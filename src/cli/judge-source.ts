/** The judge that a command line names, with all that it is made of. */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { loadRubric, readYamlFile } from "../config/index.ts";
import { loadPool } from "../gateway/index.ts";
import { readSecret } from "../gateway/read-secret.ts";
import { canonicalJson, type JsonObject } from "../judged/index.ts";
import {
  createJudge,
  JUDGE_FIELDS,
  type Judge,
  type JudgeSpec,
  judgeSchema,
  judgingModels,
  type PairJudge,
  parseJudge,
  type Rubric,
} from "../judges/index.ts";
import { LocalModel } from "../pool/local/local-model.ts";
import { TuttiError } from "../support/errors.ts";
import { modelPath } from "./model-source.ts";

const JUDGE_FILE = /\.(ya?ml|json)$/;
const RUBRIC_FILE = /\.ya?ml$/;

export interface OpenedJudge {
  readonly judge: Judge | PairJudge;
  /** Frees the judge and the models that it asks. */
  close(): Promise<void>;
}

/** A judge's description with absolute paths, and the folder that its rubrics are relative to. */
function describedJudge(named: string, folder: string): { readonly spec: JudgeSpec; readonly base: string } {
  if (!JUDGE_FILE.test(named)) return { spec: withAbsolutePaths(parseJudge(named), folder), base: folder };
  const path = resolve(folder, named);
  return { spec: withAbsolutePaths(readJudgeFile(path), dirname(path)), base: dirname(path) };
}

/** Options that alter no verdict: how much at once, and where a server is and how it is entered. */
const INDECISIVE = new Set(["workers", "threads", "timeoutMs", "baseUrl", "apiKeyEnv", "apiKeyFile"]);

/**
 * Digest of all that decides a judge's verdicts and is known without opening it: its options, rubrics, and the files of a reward
 * model.
 *
 * @param folder that paths are relative to
 * @param resolveModel a reward model's place on this machine; undefined where it is not there
 */
export async function judgeDigest(
  named: string,
  folder: string,
  resolveModel: (reference: string) => Promise<string | undefined> = modelPath,
): Promise<string> {
  const { spec, base } = describedJudge(named, folder);
  const parts = spec.judge === "composite" ? [spec.verifier, spec.tieBreak] : [spec];
  const hash = createHash("sha256");
  for (const { ...part } of parts) {
    if (part.judge === "reward") {
      const path = await resolveModel(part.path);
      part.path = path === undefined ? "not here" : (await new LocalModel({ path }).identity()).revision;
    }
    const decisive = JSON.stringify(part, (name, value) => (INDECISIVE.has(name) ? undefined : value));
    hash.update(canonicalJson(JSON.parse(decisive) as JsonObject));
    if (part.judge === "model") hash.update(JSON.stringify(rubricOf(part.rubric, base) ?? null));
  }
  if (spec.judge === "composite") hash.update(String(spec.step ?? 1));
  return hash.digest("hex");
}

/**
 * Opens a judge by its short form or its file. Paths in a file are relative to it.
 *
 * @param folder that a judge's file and the paths of short forms are relative to
 * @throws {TuttiError} INVALID_ARGUMENT, CONFIG_INVALID with file, line and field, and what createJudge and loadPool throw
 */
export async function openJudge(
  named: string,
  poolFile: string | undefined,
  folder = ".",
): Promise<OpenedJudge> {
  const { spec, base } = describedJudge(named, folder);
  const models = judgingModels(spec);
  if (models.length > 0 && poolFile === undefined) {
    throw new TuttiError("INVALID_ARGUMENT", `--judge names the model ${models[0]}, but there is no --pool`, {
      hint: "name the pool file that has the judging model",
    });
  }
  const pool =
    models.length === 0 ? undefined : await loadPool(poolFile!, { resolveModel: modelPath, models });
  const close = async (): Promise<void> => await pool?.close();
  try {
    const judge = await createJudge(spec, {
      pool,
      modelPath,
      loadRubric: (reference) => rubricOf(reference, base),
      secretOf: (name, source) => readSecret(named, name, source, process.env),
    });
    return {
      judge,
      async close() {
        await judge.close?.();
        await close();
      },
    };
  } catch (failure) {
    await close();
    throw failure;
  }
}

/**
 * Opens a judge that scores one answer at a time.
 *
 * @throws {TuttiError} as `openJudge`; INVALID_ARGUMENT for a judge that compares two answers
 */
export async function openPointwiseJudge(
  named: string,
  poolFile: string | undefined,
  folder = ".",
): Promise<Judge> {
  const { judge, close } = await openJudge(named, poolFile, folder);
  if ("judge" in judge) return { ...judge, close };
  await close();
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `the judge ${named} compares two answers, expected one that scores`,
    {
      hint: "use a rubric of the kind pointwise, such as rating",
    },
  );
}

/**
 * Opens a verifier or a reward model, whose verdicts depend on the answer alone.
 *
 * @throws {TuttiError} as `openJudge`; INVALID_ARGUMENT for a judge that asks models of a pool
 */
export async function openJudgeWithoutPool(named: string): Promise<Judge> {
  const [model] = judgingModels(describedJudge(named, ".").spec);
  if (model === undefined) return await openPointwiseJudge(named, undefined);
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `the judge ${named} asks the model ${model} of a pool, expected a verifier or a reward model`,
    {
      hint: "verdicts during training have to depend on the answers alone; judge afterwards with `tutti judge`",
    },
  );
}

function readJudgeFile(path: string): JudgeSpec {
  return readYamlFile(path, {
    schema: judgeSchema,
    code: "CONFIG_INVALID",
    knownKeys: () => [...new Set(Object.values(JUDGE_FIELDS).flat())],
  }).value;
}

function withAbsolutePaths(spec: JudgeSpec, folder: string): JudgeSpec {
  if (spec.judge === "composite") {
    const [verifier, tieBreak] = [spec.verifier, spec.tieBreak].map((part) =>
      withAbsolutePaths(part, folder),
    );
    return { ...spec, verifier, tieBreak } as JudgeSpec;
  }
  if (spec.judge === "reward") {
    return spec.path.startsWith("hf:") ? spec : { ...spec, path: resolve(folder, spec.path) };
  }
  if (spec.judge !== "remote-reward" || spec.apiKeyFile === undefined) return spec;
  return { ...spec, apiKeyFile: resolve(folder, spec.apiKeyFile) };
}

/** Undefined rubrics are named by the registry, with those that there are. */
function rubricOf(reference: string, folder: string): Rubric | undefined {
  return RUBRIC_FILE.test(reference) ? loadRubric(resolve(folder, reference)) : undefined;
}
