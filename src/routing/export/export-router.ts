/** A router as one ONNX file with its tokenizer and a signed manifest, for any ONNX runtime. */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { toDynamicInt8 } from "../../export/dynamic-int8.ts";
import { MODEL_FILE, writeHashed, writeOnnxFiles } from "../../export/onnx-files.ts";
import { storeWeights } from "../../export/stored-weights.ts";
import { tokenInput } from "../../export/token-inputs.ts";
import { Graph, reachableNodes } from "../../graph/ir.ts";
import { declareParameters, type ParameterValues } from "../../nn/index.ts";
import { weightUses } from "../../nn/weight-uses.ts";
import { lowerToOnnx } from "../../onnx/index.ts";
import { type OnnxGraph, operatorSets } from "../../onnx/model.ts";
import { TuttiError } from "../../support/errors.ts";
import { version } from "../../support/version.ts";
import type { Router } from "../router.ts";
import {
  ROUTER_MANIFEST_FILE,
  type RouterExportManifest,
  type RouterPrecision,
  signedManifest,
} from "./manifest.ts";
import { isGraphRouter, type RouterGraph } from "./router-graph.ts";

import { splitLayerNorm } from "./split-layer-norm.ts";

const TOKENIZER_FILE = "tokenizer.json";

export interface RouterExportOptions {
  /**
   * "f32": standard operators, the router's own scores. "int8": matrices in 8 bits and 8-bit products, standard operators
   * too; scores are near those. @default "f32"
   */
  readonly precision?: RouterPrecision | undefined;
}

/** @throws {TuttiError} EXPORT_INVALID when the method is no function of token ids */
function graphOf(router: Router): RouterGraph {
  if (isGraphRouter(router)) return router.routerGraph();
  throw new TuttiError(
    "EXPORT_INVALID",
    `method "${router.name}" cannot be exported: it is no graph over token ids`,
    {
      details: { method: router.name },
      hint: "Lookahead models, mlc and linear heads over an encoder can: name one with --method",
    },
  );
}

function buildOnnx(routerGraph: RouterGraph): OnnxGraph {
  const { specs } = routerGraph;
  const outputsOf = (graph: Graph, parameters: ParameterValues) =>
    routerGraph.build(parameters, {
      inputIds: tokenInput(graph, "input_ids"),
      attentionMask: tokenInput(graph, "attention_mask"),
    });
  const draft = new Graph();
  const drafted = Object.values(outputsOf(draft, declareParameters(draft, specs)));
  const uses = weightUses(reachableNodes(draft, drafted), routerGraph.vocabularySize);
  const graph = new Graph();
  const forms = { dtype: "f32", usesMatMulNBits: false } as const;
  const weights = storeWeights(graph, specs, uses, forms, routerGraph.values);
  const onnx = lowerToOnnx(graph, outputsOf(graph, weights.parameters), {
    operators: "standard",
    hasInt64Inputs: true,
    stored: weights.tensors,
  });
  return splitLayerNorm(onnx);
}

/**
 * Writes `router` to the folder `to`: `model.onnx` (graph and weights), `tokenizer.json` and, last, `manifest.json`. The
 * folder appears when all is written; the same router gives the same bytes.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when `to` exists; EXPORT_INVALID when the method cannot be exported;
 *   FILE_WRITE_FAILED
 */
export function exportRouter(
  router: Router,
  to: string,
  options: RouterExportOptions = {},
): RouterExportManifest {
  if (existsSync(to)) {
    throw new TuttiError("INVALID_ARGUMENT", `${to} exists already`, {
      details: { path: to },
      hint: "name a new folder, or remove the old one first",
    });
  }
  const routerGraph = graphOf(router);
  const unfinished = `${resolve(to)}.${process.pid}.tmp`;
  try {
    const manifest = writeExport(router.name, routerGraph, unfinished, options);
    renameSync(unfinished, to);
    return manifest;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function writeExport(
  method: string,
  routerGraph: RouterGraph,
  folder: string,
  { precision = "f32" }: RouterExportOptions,
): RouterExportManifest {
  const exact = buildOnnx(routerGraph);
  const narrow = precision === "int8" ? toDynamicInt8(exact) : undefined;
  const onnx = narrow?.graph ?? exact;
  const files = writeOnnxFiles(folder, onnx, false);
  files.push(writeHashed(folder, TOKENIZER_FILE, [readFileSync(routerGraph.tokenizerPath)]));
  const { manifest, text } = signedManifest({
    tuttiVersion: version,
    method,
    kind: routerGraph.kind,
    candidates: routerGraph.candidates,
    model: MODEL_FILE,
    tokenizer: TOKENIZER_FILE,
    inputs: onnx.inputs,
    outputs: onnx.outputs.map((output) => ({ ...output, ...routerGraph.outputs[output.name]! })),
    tokenization: routerGraph.tokenization,
    precision,
    ...(narrow && { quantizationError: narrow.quantizationError() }),
    operatorSets: operatorSets(onnx),
    files,
  });
  writeHashed(folder, ROUTER_MANIFEST_FILE, [text]);
  return manifest;
}
