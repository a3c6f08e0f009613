/** The judge that a command line names, with all that it is made of. */
import { dirname, resolve } from "node:path";
import { loadRubric, readYamlFile } from "../config/index.ts";
import { loadPool } from "../gateway/index.ts";
import { readSecret } from "../gateway/read-secret.ts";
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
import { TuttiError } from "../support/errors.ts";
import { modelPath } from "./model-source.ts";

const JUDGE_FILE = /\.(ya?ml|json)$/;
const RUBRIC_FILE = /\.ya?ml$/;

export interface OpenedJudge {
  readonly judge: Judge | PairJudge;
  /** Frees the judge and the models that it asks. */
  close(): Promise<void>;
}

/**
 * Opens a judge by its short form or its file. Paths in a file are relative to it.
 *
 * @throws {TuttiError} INVALID_ARGUMENT, CONFIG_INVALID with file, line and field, and what createJudge and loadPool throw
 */
export async function openJudge(named: string, poolFile: string | undefined): Promise<OpenedJudge> {
  const isFile = JUDGE_FILE.test(named);
  const spec = isFile ? withAbsolutePaths(readJudgeFile(named), dirname(named)) : parseJudge(named);
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
      loadRubric: (reference) => rubricOf(reference, isFile ? dirname(named) : "."),
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
