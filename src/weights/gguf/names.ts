/** Tensor names of a model of so many layers, in both directions. */
import type { Architecture } from "./architecture.ts";
import type { Arrangement } from "./arrangement.ts";

export interface TensorNames {
  readonly gguf: string;
  readonly huggingFace: string;
  readonly arrangement: Arrangement;
}

const LAYER = /(^|\.)(\d+)(?=\.)/;

/** A name with its layer number taken out: "blk.7.attn_q.weight" is "blk.{}.attn_q.weight" and 7. */
function splitLayer(name: string): { readonly pattern: string; readonly layer: string | undefined } {
  const match = LAYER.exec(name);
  if (!match) return { pattern: name, layer: undefined };
  return { pattern: name.replace(LAYER, "$1{}"), layer: match[2] };
}

function find(architecture: Architecture, name: string, side: 0 | 1): TensorNames | undefined {
  const { pattern, layer } = splitLayer(name);
  const row = architecture.tensors.find((entry) => entry[side] === pattern);
  if (row === undefined) return undefined;
  const [gguf, huggingFace, arrangement = "same"] = row;
  const fill = (text: string): string => (layer === undefined ? text : text.replace("{}", layer));
  return { gguf: fill(gguf), huggingFace: fill(huggingFace), arrangement };
}

/** The names of a tensor found in a GGUF file; undefined when the architecture has none such. */
export function namesFromGguf(architecture: Architecture, name: string): TensorNames | undefined {
  return find(architecture, name, 0);
}

/** The names of a parameter of a Hugging Face model. */
export function namesFromHuggingFace(architecture: Architecture, name: string): TensorNames | undefined {
  return find(architecture, name, 1);
}
