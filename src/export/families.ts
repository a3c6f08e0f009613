/** What can be exported: the table of model families, and of each the tasks with their graphs. */
import type { Graph, Value } from "../graph/ir.ts";
import { HEAD } from "../models/causal-model.ts";
import type { HuggingFaceConfig } from "../models/config.ts";
import {
  bertMlmHeadSpecs,
  bertSpecs,
  causalParameterName,
  createCausalModel,
  parseBertConfig,
  readLabelCount,
  sequenceClassifierSpecs,
} from "../models/index.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/index.ts";
import {
  type DecoderGraphOptions,
  decoderClassificationGraph,
  decoderFeaturesGraph,
  textGenerationGraph,
} from "./decoder-graph.ts";
import { bertFeaturesGraph, bertFillMaskGraph } from "./encoder-graph.ts";

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
  /** The model's name for a stored tensor; undefined for tensors that no task reads. */
  readonly parameterName: (stored: string) => string | undefined;
  /** What its weights allow, the default first. */
  readonly tasks: ReadonlyMap<ExportTask, TaskGraph>;
}

type OpenFamily = (config: HuggingFaceConfig, stored: ReadonlySet<string>) => ExportableModel;

function decoderFamily(config: HuggingFaceConfig, stored: ReadonlySet<string>): ExportableModel {
  const model = createCausalModel(config);
  const { vocabularySize, maxPositions, hiddenSize } = model.config;
  const tasks = new Map<ExportTask, TaskGraph>();
  if (stored.has("score.weight")) {
    tasks.set("text-classification", {
      specs: sequenceClassifierSpecs(model, readLabelCount(config)),
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
  const hasLearnedPositions = Object.values(model.specs).some(
    ({ shape: [rows, columns] }) => rows === maxPositions && columns === hiddenSize,
  );
  return { kind: "decoder", vocabularySize, maxPositions, hasLearnedPositions, parameterName, tasks };
}

/** Parts of BERT checkpoints that no task reads: pooling and next-sentence heads, copies of tied weights, buffers. */
const UNREAD_BERT = /(^|\.)pooler\.|\.position_ids$|^cls\.(seq_relationship|predictions\.decoder)\./;

function bertFamily(json: HuggingFaceConfig, stored: ReadonlySet<string>): ExportableModel {
  const config = parseBertConfig(json);
  const prefix = [...stored].some((name) => name.startsWith("bert.")) ? "bert." : "";
  const specs = bertSpecs(config, prefix);
  const tasks = new Map<ExportTask, TaskGraph>();
  if (stored.has("cls.predictions.bias")) {
    tasks.set("fill-mask", {
      specs: { ...specs, ...bertMlmHeadSpecs(config) },
      canHavePast: false,
      build: (graph, parameters) => bertFillMaskGraph(config, prefix, graph, parameters),
    });
  }
  tasks.set("feature-extraction", {
    specs,
    canHavePast: false,
    build: (graph, parameters) => bertFeaturesGraph(config, prefix, graph, parameters),
  });
  return {
    kind: "encoder",
    vocabularySize: config.vocabularySize,
    maxPositions: config.maxPositions,
    hasLearnedPositions: true,
    parameterName: (name) => (UNREAD_BERT.test(name) ? undefined : name),
    tasks,
  };
}

/** `model_type` of config.json -> family; decoders, which have a table of their own, are all others. */
const FAMILIES: Readonly<Record<string, OpenFamily>> = { bert: bertFamily };

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
