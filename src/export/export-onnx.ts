/** A model as one ONNX file with tokenizer and manifest, for any ONNX runtime. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { Graph, reachableNodes, type Value } from "../graph/ir.ts";
import { type ModelFiles, openModelFiles } from "../models/index.ts";
import {
  configDocument,
  jsonDocument,
  type ModelDocument,
  modelDocuments,
} from "../models/model-documents.ts";
import { checkParameters, declareParameters } from "../nn/index.ts";
import { weightUses } from "../nn/weight-uses.ts";
import { lowerToOnnx } from "../onnx/index.ts";
import { type OnnxGraph, operatorSets } from "../onnx/model.ts";
import { TuttiError } from "../support/errors.ts";
import { version } from "../support/version.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";
import { type ExportableModel, type ExportTask, openExportableModel, type TaskGraph } from "./families.ts";
import { type ExportManifest, MANIFEST_FILE, manifestOf } from "./manifest.ts";
import { DATA_FILE, MODEL_FILE, writeHashed, writeOnnxFiles } from "./onnx-files.ts";
import { describeSource } from "./source.ts";
import { type ExportDType, type StoredWeights, storeWeights } from "./stored-weights.ts";

export interface ExportOptions {
  /** @default what the weights have a head for, see {@link ExportTask} */
  readonly task?: ExportTask | undefined;
  /** How matrices are stored. @default "f32" */
  readonly dtype?: ExportDType | undefined;
  /** Decoders: take and give keys and values of older tokens. @default false */
  readonly hasPast?: boolean | undefined;
  /** Weights in `model.onnx.data`; models over 2 GiB have them there in any case. @default false */
  readonly isExternal?: boolean | undefined;
  /**
   * "onnxruntime" multiplies int8 weights by its operator MatMulNBits, which every build of it has; "standard" uses
   * operators of the ONNX standard only and widens them when the file is opened. @default "onnxruntime"
   */
  readonly operators?: "onnxruntime" | "standard" | undefined;
  /** Positions that the file knows, for which it holds rotary tables. @default the model's own context */
  readonly contextTokens?: number | undefined;
  /** What the manifest calls the source. @default the name of its folder or file */
  readonly sourceName?: string | undefined;
  /** Called before each tensor is read. */
  readonly onTensor?: (done: number, total: number) => void;
}

/**
 * Values of the task's parameters by name. Checks names and shapes against the task's parameters; tensors that only other tasks read are passed over.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
function parameterValues(
  files: ModelFiles,
  model: ExportableModel,
  { specs }: TaskGraph,
): (name: string) => Float32Array {
  const known = new Set([...model.tasks.values()].flatMap((task) => Object.keys(task.specs)));
  const stored = new Map<string, string>();
  const shapes: Record<string, Float32Tensor> = {};
  for (const [name, { shape }] of files.source.entries) {
    const ours = model.parameterName(name, specs);
    if (ours === undefined || (known.has(ours) && !(ours in specs))) continue;
    stored.set(ours, name);
    shapes[ours] = { dtype: "float32", shape, data: new Float32Array(0) };
  }
  checkParameters(specs, shapes, files.source.path);
  return (name) => {
    const { data } = files.source.read(stored.get(name)!);
    return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
  };
}

function chooseTask({ tasks }: ExportableModel, { task, hasPast }: ExportOptions): [ExportTask, TaskGraph] {
  const chosen = task ?? [...tasks.keys()][0]!;
  const graph = tasks.get(chosen);
  if (!graph) {
    throw new TuttiError("INVALID_ARGUMENT", `these weights have no head for ${chosen}`, {
      details: { task: chosen, possible: [...tasks.keys()] },
      hint: `they allow ${[...tasks.keys()].join(", ")}`,
    });
  }
  if (hasPast && !graph.canHavePast) {
    throw new TuttiError("INVALID_ARGUMENT", `a ${chosen} graph has no past keys and values`, {
      hint: "leave the past out",
    });
  }
  return [chosen, graph];
}

function chooseContext(
  { maxPositions, hasLearnedPositions }: ExportableModel,
  contextTokens: number | undefined,
): number {
  const chosen = contextTokens ?? maxPositions;
  const most = hasLearnedPositions ? maxPositions : Number.POSITIVE_INFINITY;
  if (Number.isInteger(chosen) && chosen >= 1 && chosen <= most) return chosen;
  const expected = hasLearnedPositions ? `from 1 to the model's ${maxPositions}` : "1 or more";
  throw new TuttiError("INVALID_ARGUMENT", `contextTokens is ${chosen}, expected ${expected}`);
}

/** The graph with its weights in their stored form. */
function buildGraph(
  model: ExportableModel,
  { specs, build }: TaskGraph,
  read: (name: string) => Float32Array,
  { dtype = "f32", hasPast = false, operators = "onnxruntime" }: ExportOptions,
  contextTokens: number,
): { readonly onnx: OnnxGraph; readonly weights: StoredWeights } {
  const options = { contextTokens, hasPast };
  const draft = new Graph();
  const drafted: Value[] = Object.values(
    build(draft, declareParameters(draft, specs), { ...options, contextTokens: 1 }),
  );
  const uses = weightUses(reachableNodes(draft, drafted), model.vocabularySize);
  const graph = new Graph();
  const usesMatMulNBits = operators === "onnxruntime";
  const weights = storeWeights(graph, specs, uses, { dtype, usesMatMulNBits }, read);
  const outputs = build(graph, weights.parameters, options);
  const onnx = lowerToOnnx(graph, outputs, {
    operators: "standard",
    hasInt64Inputs: true,
    stored: weights.tensors,
  });
  return { onnx, weights };
}

/** Counts reads for a progress line. */
function counted(
  read: (name: string) => Float32Array,
  total: number,
  onTensor: ExportOptions["onTensor"],
): (name: string) => Float32Array {
  let done = 0;
  return (name) => {
    onTensor?.(done++, total);
    return read(name);
  };
}

/**
 * Writes the model at `from` (a folder or a .gguf file) to the folder `to`: `model.onnx`, where asked for
 * `model.onnx.data`, tokenizer, configuration and, last, `manifest.json`. One tensor is in memory at a time; `to` appears
 * when all is written.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when `to` exists or an option does not fit the model; MODEL_CONFIG_UNSUPPORTED,
 *   WEIGHTS_MISMATCH; FILE_WRITE_FAILED; what reading throws
 */
export async function exportOnnx(
  from: string,
  to: string,
  options: ExportOptions = {},
): Promise<ExportManifest> {
  if (existsSync(to)) {
    throw new TuttiError("INVALID_ARGUMENT", `${to} exists already`, {
      details: { path: to },
      hint: "name a new folder, or remove the old one first",
    });
  }
  const files = openModelFiles(from);
  const unfinished = `${resolve(to)}.${process.pid}.tmp`;
  try {
    const manifest = await writeExport(files, unfinished, options);
    renameSync(unfinished, to);
    return manifest;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    files.close();
  }
}

async function writeExport(files: ModelFiles, to: string, options: ExportOptions): Promise<ExportManifest> {
  const { dtype = "f32", hasPast = false } = options;
  const model = openExportableModel(files.config, new Set(files.source.entries.keys()));
  const [task, taskGraph] = chooseTask(model, options);
  const contextTokens = chooseContext(model, options.contextTokens);
  const values = parameterValues(files, model, taskGraph);
  const read = counted(values, Object.keys(taskGraph.specs).length, options.onTensor);
  const { onnx, weights } = buildGraph(model, taskGraph, read, options, contextTokens);
  const source = await describeSource(files, options.sourceName);
  const written = writeOnnxFiles(to, onnx, options.isExternal ?? false);
  for (const { name, content } of documents(files)) written.push(writeHashed(to, name, [content]));
  const manifest = manifestOf({
    tuttiVersion: version,
    task,
    hasPast,
    family: model.kind,
    modelType: String(files.config.model_type),
    model: MODEL_FILE,
    inputs: onnx.inputs,
    outputs: onnx.outputs,
    contextTokens,
    operatorSets: operatorSets(onnx),
    weights: {
      dtype,
      isExternal: written.some(({ name }) => name === DATA_FILE),
      ...(dtype === "int8" && { quantizationError: weights.quantizationError() }),
    },
    source,
    files: written,
  });
  const { name, content } = jsonDocument(MANIFEST_FILE, manifest);
  writeHashed(to, name, [content]);
  return manifest;
}

/** Tokenizer, configuration and, where the source has it, what generation starts from. */
const documents = (files: ModelFiles): ModelDocument[] => [
  ...modelDocuments(files),
  configDocument(files.config),
];
