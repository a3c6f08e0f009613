/**
 * What a method implements to be exported: its scores as a graph over token ids. Everything behind the tokenizer is in
 * the graph, so that a consumer of the file feeds ids and a mask and reads scores.
 *
 * B prompts, T tokens of the longest, C candidates.
 */
import type { Value } from "../../graph/ir.ts";
import type { ParameterSpecs, ParameterValues } from "../../nn/index.ts";
import type { Router } from "../router.ts";

/** Ids i32 [B, T] and mask i32 [B, T], 1 for tokens and 0 for padding, which stands on the right. */
export interface PromptInputs {
  readonly inputIds: Value;
  readonly attentionMask: Value;
}

/** How a prompt becomes token ids; enough for a consumer that has tokenizer.json and nothing else. */
export interface PromptTokenization {
  /** Put in front of the text before it is tokenised. */
  readonly textBefore: string;
  /** Whether the text is lower-cased first. */
  readonly isLowerCased: boolean;
  /** Ids in front of the text's own ids, which are made without special tokens. */
  readonly idsBefore: readonly number[];
  readonly idsAfter: readonly number[];
  /** Tokens of a row at most, `idsBefore` and `idsAfter` included. */
  readonly maxTokens: number;
  /** Which of the text's own ids stay when there are too many. */
  readonly keeps: "first" | "last";
  /** The row of a text without any id; where it is empty too, a row of padding only. */
  readonly idsOfEmptyText: readonly number[];
  readonly padId: number;
}

/** What one output of the graph says, for the manifest. */
export interface OutputMeaning {
  /** One sentence; `scores` [B, C] are always there, other outputs have a row per prompt too. */
  readonly meaning: string;
}

export interface RouterGraph {
  /** What it is in a word or two, such as "lookahead-mlm". */
  readonly kind: string;
  readonly candidates: readonly string[];
  /** The tokenizer.json that the weights were trained with. */
  readonly tokenizerPath: string;
  readonly tokenization: PromptTokenization;
  /** Rows of the embedding table. */
  readonly vocabularySize: number;
  readonly specs: ParameterSpecs;
  readonly values: (name: string) => Float32Array;
  readonly outputs: Readonly<Record<string, OutputMeaning>> & { readonly scores: OutputMeaning };
  /** Declares the computation: an output f32 for every name of `outputs`, `scores` [B, C] among them. */
  build(parameters: ParameterValues, inputs: PromptInputs): Readonly<Record<string, Value>>;
}

/** A router that is a function of token ids and can say which. */
export interface GraphRouter extends Router {
  /** @throws {TuttiError} EXPORT_INVALID when this one is not, such as one over an embedding that is no network */
  routerGraph(): RouterGraph;
}

export function isGraphRouter(router: Router): router is GraphRouter {
  return "routerGraph" in router;
}
