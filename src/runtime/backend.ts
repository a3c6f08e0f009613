/** What runs graphs. All backends pass the same conformance suite (test/conformance). */
import type { Graph, Value } from "../graph/ir.ts";
import type { HostTensor } from "../tensor/host-tensor.ts";

export type Feeds = Readonly<Record<string, HostTensor>>;
export type Results = Readonly<Record<string, HostTensor>>;

/** A compiled graph. Holds native memory until disposed. */
export interface Executable {
  /**
   * Runs once. Feeds are read in place. Outputs named in `into` are written into those tensors, the others are
   * allocated.
   *
   * @throws {TuttiError} SHAPE_MISMATCH / DTYPE_MISMATCH for a wrong feed, INVALID_ARGUMENT for a missing one,
   *   BACKEND_FAILED when the run itself fails
   */
  run(feeds: Feeds, into?: Results): Promise<Results>;
  dispose(): Promise<void>;
}

export interface CompileOptions {
  /**
   * Whether the executable may keep the memory of a run for its next one: some per cent faster, but with several of
   * them the peaks of all add up. @default true
   */
  readonly keepsMemory?: boolean;
}

export interface Backend {
  readonly name: string;
  compile(
    graph: Graph,
    outputs: Readonly<Record<string, Value>>,
    options?: CompileOptions,
  ): Promise<Executable>;
}
