/**
 * What makes an embedding of a model's hidden states: the pipeline that a sentence-transformers folder describes in
 * modules.json, or a default for folders of a model alone.
 */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, normalize, relative } from "node:path";
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import { type JsonObject, readJsonObject } from "./json-file.ts";
import { POOLING_MODES, type PoolingMode } from "./pooling.ts";

/** Activations of dense modules, by the last part of their name in PyTorch. */
export const ACTIVATIONS = ["Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU"] as const;
export type Activation = (typeof ACTIVATIONS)[number];

export interface DenseStage {
  readonly kind: "dense";
  /** Folder of config.json and model.safetensors. */
  readonly folder: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly hasBias: boolean;
  readonly activation: Activation;
}

/** What happens to a pooled vector. */
export type Stage = DenseStage | { readonly kind: "normalise" };

export interface EmbeddingPipeline {
  /** Pooled vectors are laid side by side in this order. */
  readonly pooling: readonly PoolingMode[];
  /** Whether tokens of the prompt are pooled too. */
  readonly poolsPrompt: boolean;
  readonly stages: readonly Stage[];
  /** Tokens of a text, special ones included; undefined where no file says. */
  readonly maxTokens: number | undefined;
  readonly isLowerCased: boolean;
  /** Prompt name -> text put before every text. */
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPrompt: string | undefined;
}

/** Names of the boolean keys that older files have in place of `pooling_mode`, in the order of concatenation. */
const FORMER_POOLING_KEYS: readonly (readonly [string, PoolingMode])[] = [
  ["pooling_mode_cls_token", "cls"],
  ["pooling_mode_max_tokens", "max"],
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"],
  ["pooling_mode_weightedmean_tokens", "weightedmean"],
  ["pooling_mode_lasttoken", "lasttoken"],
];

function unsupported(file: string, what: string, hint?: string): TuttiError {
  return new TuttiError("MODEL_CONFIG_UNSUPPORTED", `${file}: ${what}`, {
    details: { file },
    ...(hint && { hint }),
  });
}

interface Module {
  /** Last part of the class name, such as "Pooling". */
  readonly type: string;
  readonly folder: string;
}

function readModules(path: string): Module[] {
  const file = join(path, "modules.json");
  const entries = readJsonObject(file, "array");
  return entries.map((entry, index) => {
    const { type, path: below = "" } = (entry ?? {}) as JsonObject;
    const where = typeof below === "string" ? normalize(below || ".") : "..";
    if (typeof type !== "string" || isAbsolute(where) || where.startsWith("..")) {
      throw unsupported(file, `module ${index} is ${shown(entry)}, expected a type and a path in the folder`);
    }
    return { type: type.slice(type.lastIndexOf(".") + 1), folder: join(path, where) };
  });
}

/** `max_seq_length` and `do_lower_case` of sentence_bert_config.json. */
function readTransformer(folder: string): Pick<EmbeddingPipeline, "maxTokens" | "isLowerCased"> {
  const file = join(folder, "sentence_bert_config.json");
  const config = existsSync(file) ? readJsonObject(file) : {};
  const limit = config.max_seq_length ?? undefined;
  if (limit !== undefined && !(Number.isInteger(limit) && (limit as number) > 0)) {
    throw unsupported(file, `"max_seq_length" must be a positive integer or null, found ${shown(limit)}`);
  }
  return { maxTokens: limit as number | undefined, isLowerCased: config.do_lower_case === true };
}

function readPooling(folder: string): Pick<EmbeddingPipeline, "pooling" | "poolsPrompt"> {
  const file = join(folder, "config.json");
  const config = readJsonObject(file);
  const former = FORMER_POOLING_KEYS.filter(([key]) => config[key] === true).map(([, mode]) => mode);
  const named = [config.pooling_mode ?? former].flat();
  const pooling = named.length > 0 ? named : ["mean"];
  const unknown = pooling.find((mode) => !POOLING_MODES.includes(mode as PoolingMode));
  if (unknown !== undefined) {
    throw unsupported(file, `"pooling_mode" must be of ${POOLING_MODES.join(", ")}, found ${shown(unknown)}`);
  }
  return { pooling: pooling as PoolingMode[], poolsPrompt: config.include_prompt !== false };
}

function readDense(folder: string): DenseStage {
  const file = join(folder, "config.json");
  const config = readJsonObject(file);
  const size = (key: string): number => {
    const value = config[key];
    if (Number.isInteger(value) && (value as number) > 0) return value as number;
    throw unsupported(file, `"${key}" must be a positive integer, found ${shown(value)}`);
  };
  const name = String(config.activation_function ?? "torch.nn.modules.activation.Tanh");
  const activation = ACTIVATIONS.find((known) => name.startsWith("torch.") && name.endsWith(`.${known}`));
  if (!activation) {
    throw unsupported(file, `"activation_function" is ${shown(name)}, expected ${ACTIVATIONS.join(", ")}`);
  }
  for (const key of ["module_input_name", "module_output_name"]) {
    if ((config[key] ?? "sentence_embedding") !== "sentence_embedding") {
      throw unsupported(file, `"${key}" is ${shown(config[key])}, expected "sentence_embedding"`);
    }
  }
  if (config.use_residual === true) throw unsupported(file, `"use_residual" is not supported`);
  return {
    kind: "dense",
    folder,
    inputs: size("in_features"),
    outputs: size("out_features"),
    hasBias: config.bias !== false,
    activation,
  };
}

function readPrompts(path: string): Pick<EmbeddingPipeline, "prompts" | "defaultPrompt"> {
  const file = join(path, "config_sentence_transformers.json");
  const config = existsSync(file) ? readJsonObject(file) : {};
  const prompts: Record<string, string> = {};
  for (const [name, prompt] of Object.entries((config.prompts ?? {}) as JsonObject)) {
    if (prompt === null) continue;
    if (typeof prompt !== "string") throw unsupported(file, `prompt "${name}" is ${shown(prompt)}`);
    prompts[name] = prompt;
  }
  const named = config.default_prompt_name ?? undefined;
  if (named !== undefined && !(typeof named === "string" && Object.hasOwn(prompts, named))) {
    throw unsupported(file, `"default_prompt_name" is ${shown(named)}, which is none of the prompts`);
  }
  return { prompts, defaultPrompt: named as string | undefined };
}

/**
 * Where the model itself lies: the folder of the first module, or `path` where there is no modules.json.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED
 */
export function modelFolderOf(path: string): string {
  return existsSync(join(path, "modules.json")) ? (readModules(path)[0]?.folder ?? path) : path;
}

/** Names of the files that hold configurations, vocabulary and weights. */
const MODEL_FILE = /\.(json|safetensors)$/;

/**
 * The files of an embedding model, relative to its folder: what a copy needs to stand alone.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED
 */
export function embeddingModelFiles(path: string): string[] {
  const modules = existsSync(join(path, "modules.json")) ? readModules(path) : [];
  // A module without parameters may have no folder.
  const folders = [path, ...modules.map(({ folder }) => folder)].filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => MODEL_FILE.test(name))
      .map((name) => relative(path, join(folder, name))),
  );
  return [...new Set(files)];
}

/**
 * The pipeline of a folder. Without modules.json the vectors are scaled to length 1, after the mean over all tokens for
 * encoders and the last token for decoders.
 *
 * @param path a folder, or a file that holds a model alone
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the module or key, FILE_NOT_FOUND
 */
export function readPipeline(path: string, kind: "encoder" | "decoder"): EmbeddingPipeline {
  const modulesFile = join(path, "modules.json");
  if (!existsSync(modulesFile)) {
    const pooling: readonly PoolingMode[] = [kind === "encoder" ? "mean" : "lasttoken"];
    const stages: readonly Stage[] = [{ kind: "normalise" }];
    return {
      pooling,
      poolsPrompt: true,
      stages,
      ...readTransformer(path),
      ...readPrompts(path),
    };
  }
  const [transformer, pooling, ...rest] = readModules(path);
  if (transformer?.type !== "Transformer" || pooling?.type !== "Pooling") {
    const found = [transformer?.type, pooling?.type].map((type) => type ?? "nothing").join(", ");
    throw unsupported(modulesFile, `must begin with Transformer and Pooling, found ${found}`);
  }
  return {
    ...readTransformer(transformer.folder),
    ...readPooling(pooling.folder),
    stages: rest.map(({ type, folder }): Stage => {
      if (type === "Dense") return readDense(folder);
      if (type === "Normalize") return { kind: "normalise" };
      throw unsupported(
        modulesFile,
        `module "${type}" is not supported`,
        "Transformer, Pooling, Dense and Normalize are",
      );
    }),
    ...readPrompts(path),
  };
}
