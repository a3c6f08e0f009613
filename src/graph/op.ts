/**
 * What an operator is: one row with its type rule, gradient, ONNX lowering and reference evaluation.
 * Passes and backends read rows and traits; they never branch on an operator's name.
 */
import type { DType } from "../tensor/dtype.ts";
import type { Attributes, TensorType, Value } from "./ir.ts";

/** The op functions (`add`, `matmul`, ...), handed to gradient rules so that rows need not import one another. */
export type OpFunctions = typeof import("./functions.ts");

export interface GradientContext {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient of the loss for each output; undefined where the loss does not depend on it. */
  readonly outputGradients: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** Whether a gradient for this input is wanted; rules skip the work for the others. */
  readonly isWanted: readonly boolean[];
}

/** Gradients for the inputs in order, undefined where there is none. Written with other ops. */
export type GradientRule = (ops: OpFunctions, context: GradientContext) => readonly (Value | undefined)[];

/** What a lowering writes ONNX nodes with. Names are ONNX value names. */
export interface OnnxEmitter {
  /** Emits a node with fresh output names, or the given ones, and returns them. */
  node(
    opType: string,
    inputs: readonly string[],
    options?: {
      readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
      readonly domain?: "" | "com.microsoft";
      readonly outputs?: readonly string[];
    },
  ): string[];
  int64(values: readonly number[]): string;
  int64Scalar(value: number): string;
  int32Scalar(value: number): string;
  float(value: number): string;
  /** A float32 initialiser filled with zeros is emitted as ConstantOfShape to keep files small. */
  zeros(shape: readonly number[]): string;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export interface LoweringContext {
  readonly inputs: readonly string[];
  readonly inputTypes: readonly TensorType[];
  /** Names to assign; an empty string where nothing reads the output. */
  readonly outputs: readonly string[];
  readonly outputTypes: readonly TensorType[];
  readonly attributes: Attributes;
}

/** A tensor of the reference interpreter: every dtype is held as float64. */
export interface ReferenceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface ProductContext {
  readonly inputTypes: readonly TensorType[];
  readonly outputTypes: readonly TensorType[];
  readonly attributes: Attributes;
  /** Whether anybody reads this output; backends skip the work for the others. */
  readonly isRead: readonly boolean[];
}

export interface OpDefinition {
  readonly name: string;
  /** Number of inputs, or the least and most. */
  readonly arity: number | readonly [number, number];
  /** Shape and dtype rule. @throws {TuttiError} SHAPE_MISMATCH or DTYPE_MISMATCH that shows what was received */
  readonly inferTypes: (inputs: readonly TensorType[], attributes: Attributes) => readonly TensorType[];
  /** The rule, or the written reason why there is none. */
  readonly gradient: GradientRule | { readonly none: string };
  readonly lower: (emitter: OnnxEmitter, context: LoweringContext) => void;
  /**
   * The same in operators of the ONNX standard, for files that other runtimes load; absent where `lower` uses no others,
   * or where the standard has none that would do.
   */
  readonly lowerStandard?: (emitter: OnnxEmitter, context: LoweringContext) => void;
  readonly evaluate: (
    inputs: readonly ReferenceTensor[],
    attributes: Attributes,
    outputTypes: readonly TensorType[],
  ) => readonly ReferenceTensor[];
  /** Floating-point operations of its matrix products, two a multiply-add; an op without it has no such product. */
  readonly productFlops?: (context: ProductContext) => number;
  readonly traits: {
    /** Each output element depends only on the input elements at its (broadcast) position. */
    readonly isElementwise: boolean;
    /**
     * Cheap, and its gradient reads its inputs: they stay in memory for the backward pass in any case, so its
     * output need not; the backward pass makes it again.
     */
    readonly isRecomputed: boolean;
    /** Its rule takes gradients of any of its outputs; without it, of the first only. */
    readonly hasEqualOutputs?: boolean;
  };
}

/** Keeps literal types while checking the row. */
export function defineOp(definition: OpDefinition): OpDefinition {
  return definition;
}
