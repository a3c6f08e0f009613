/** What can be exported: the table of model families, and of each the tasks with their graphs. */
import type { Graph, Value } from "../graph/ir.ts";
import { HEAD } from "../models/causal-model.ts";
import type { HuggingFaceConfig } from "../models/config.ts";
import {
  causalParameterName,
  createCausalModel,
  createEncoderModel,
  createSequenceClassifier,
  ENCODER_MODEL_TYPES,
  encoderParameterName,
  maskedLanguageSpecs,
} from "../models/index.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/index.ts";
import {
  type DecoderGraphOptions,
  decoderClassificationGraph,
  decoderFeaturesGraph,
  textGenerationGraph,
} from "./decoder-graph.ts";
import { encoderClassificationGraph, encoderFeaturesGraph, fillMaskGraph } from "./encoder-graph.ts";

/** Tasks under Optimum's names. */
export const EXPORT_TASKS = [
  "text-generation",
  "feature-extraction",
  "fill-mask",
  "text-classification",
] as const;

export type ExportTask = (typeof EXPORT_TASKS)[number];

export interface TaskGraph {
  readonly specs: ParameterSpecs;
  /** Whether the graph can take and give keys and values of older tokens. */
  readonly canHavePast: boolean;
  /** Declares the inputs and returns the outputs, both under the ecosystem's names. */
  readonly build: (
    graph: Graph,
    parameters: ParameterValues,
    options: DecoderGraphOptions,
  ) => Readonly<Record<string, Value>>;
}

/** A model whose graphs can be exported. */
export interface ExportableModel {
  readonly kind: "decoder" | "encoder";
  readonly vocabularySize: number;
  /** Context the model was made for, in tokens. */
  readonly maxPositions: number;
  /** Whether positions are rows of a table, which has no more of them. */
  readonly hasLearnedPositions: boolean;
  /** The name under which a task's parameters know a stored tensor; undefined for tensors that it has no use for. */
  readonly parameterName: (stored: string, specs: ParameterSpecs) => string | undefined;
  /** What its weights allow, the default first. */
  readonly tasks: ReadonlyMap<ExportTask, TaskGraph>;
}

type OpenFamily = (config: HuggingFaceConfig, stored: ReadonlySet<string>) => ExportableModel;

function decoderFamily(config: HuggingFaceConfig, stored: ReadonlySet<string>): ExportableModel {
  const model = createCausalModel(config);
  const { vocabularySize, maxPositions } = model.config;
  const tasks = new Map<ExportTask, TaskGraph>();
  if (stored.has("score.weight")) {
    tasks.set("text-classification", {
      specs: createSequenceClassifier(config).specs,
      canHavePast: false,
      build: (...parts) => decoderClassificationGraph(model, config, ...parts),
    });
  } else {
    tasks.set("text-generation", {
      specs: model.specs,
      canHavePast: true,
      build: (...parts) => textGenerationGraph(model, ...parts),
    });
  }
  const { [HEAD]: _head, ...decoder } = model.specs;
  tasks.set("feature-extraction", {
    specs: decoder,
    canHavePast: true,
    build: (...parts) => decoderFeaturesGraph(model, ...parts),
  });
  const parameterName = (name: string): string | undefined => causalParameterName(model, name);
  const hasLearnedPositions = hasPositionTable(model.specs, model.config);
  return { kind: "decoder", vocabularySize, maxPositions, hasLearnedPositions, parameterName, tasks };
}

function encoderFamily(config: HuggingFaceConfig, stored: ReadonlySet<string>): ExportableModel {
  const model = createEncoderModel(config);
  const { vocabularySize, maxPositions } = model.config;
  const tasks = new Map<ExportTask, TaskGraph>();
  const add = (task: ExportTask, specs: ParameterSpecs, graphOf: typeof encoderFeaturesGraph): void => {
    const has = (name: string): boolean => stored.has(name) || stored.has(name.slice(model.prefix.length));
    if (!Object.keys(specs).every((name) => name in model.specs || has(name))) return;
    tasks.set(task, { specs, canHavePast: false, build: (...parts) => graphOf(model, ...parts) });
  };
  add("text-classification", createSequenceClassifier(config).specs, encoderClassificationGraph);
  add("fill-mask", maskedLanguageSpecs(model), fillMaskGraph);
  add("feature-extraction", model.specs, encoderFeaturesGraph);
  return {
    kind: "encoder",
    vocabularySize,
    maxPositions,
    hasLearnedPositions: hasPositionTable(model.specs, model.config),
    parameterName: (name, specs) => encoderParameterName(model, specs, name),
    tasks,
  };
}

/** Whether positions are rows of a table. */
function hasPositionTable(
  specs: ParameterSpecs,
  { maxPositions, hiddenSize }: { readonly maxPositions: number; readonly hiddenSize: number },
): boolean {
  return Object.values(specs).some(
    ({ shape: [rows, columns] }) => rows === maxPositions && columns === hiddenSize,
  );
}

/** `model_type` of config.json -> family; decoders, which have a table of their own, are all others. */
const FAMILIES: Readonly<Record<string, OpenFamily>> = Object.fromEntries(
  ENCODER_MODEL_TYPES.map((modelType) => [modelType, encoderFamily]),
);

/**
 * The family of a model.
 *
 * @param stored names of its tensors, which tell the heads that it has
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key
 */
export function openExportableModel(config: HuggingFaceConfig, stored: ReadonlySet<string>): ExportableModel {
  const modelType = String(config.model_type);
  const open = Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType]! : decoderFamily;
  return open(config, stored);
}
