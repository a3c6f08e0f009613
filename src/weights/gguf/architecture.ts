/** What a model family is called and made of in GGUF, beside its Hugging Face form. */
import type { Arrangement } from "./arrangement.ts";
import type { Config } from "./fields.ts";
import type { GgufMetadata } from "./metadata.ts";

/** A tensor under both names; "{}" stands for the layer number. */
export type TensorNameRow = readonly [gguf: string, huggingFace: string, arrangement?: Arrangement];

/**
 * A number under both names: key below "<architecture>.", key of config.json, type in GGUF; a number in the last place is what
 * `transformers` takes where config.json has none.
 */
export type NumberRow = readonly [
  gguf: string,
  huggingFace: string,
  type: "uint32" | "float32",
  need?: "optional" | number,
];

/** What config.json needs to know of the tensors. */
export interface TensorFacts {
  has(ggufName: string): boolean;
  /** Row-major. */
  shape(ggufName: string): readonly number[] | undefined;
  /** The values, decoded. */
  read(ggufName: string): Float32Array;
}

export interface Architecture {
  /** As in general.architecture. */
  readonly name: string;
  /** Values of `model_type` in config.json that are written as this architecture; the first is given when reading. */
  readonly modelTypes: readonly string[];
  /** Class of the model in `transformers`. */
  readonly modelClass: string;
  readonly tensors: readonly TensorNameRow[];
  readonly numbers: readonly NumberRow[];
  /** Further keys below "<architecture>." that {@link Architecture.readConfig} understands. */
  readonly otherKeys: readonly string[];
  /** Values of config.json beyond the numbers. */
  readConfig(path: string, metadata: GgufMetadata, tensors: TensorFacts, numbers: Config): Config;
  /** Metadata beyond the numbers, without the prefix; refuses what llama.cpp would compute otherwise. */
  writeMetadata(config: Config): GgufMetadata;
}
