/** Compiled graphs without gradients, one per bucket: what reference and validation passes run. */
import { Graph, type Value } from "../graph/ir.ts";
import {
  declareParameters,
  type HalfParameters,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
} from "../nn/parameters.ts";
import type { Backend, Executable, Feeds, Results } from "../runtime/index.ts";
import type { Bucket } from "../train/task.ts";

export interface ForwardModel {
  readonly specs: ParameterSpecs;
  readonly half?: HalfParameters;
  /** The outputs of one bucket, by name; called once per bucket. */
  build(graph: Graph, parameters: ParameterValues, bucket: Bucket): Readonly<Record<string, Value>>;
}

export class ForwardSteps {
  private readonly model: ForwardModel;
  private readonly backend: Backend;
  private readonly cache = new Map<string, Executable>();

  constructor(model: ForwardModel, backend: Backend) {
    this.model = model;
    this.backend = backend;
  }

  async run(bucket: Bucket, feeds: Feeds, parameters: Parameters): Promise<Results> {
    const key = JSON.stringify(bucket);
    let executable = this.cache.get(key);
    if (!executable) {
      const { specs, half } = this.model;
      const graph = new Graph();
      const outputs = this.model.build(graph, declareParameters(graph, specs, half), bucket);
      executable = await this.backend.compile(graph, outputs, { keepsMemory: false });
      this.cache.set(key, executable);
    }
    return await executable.run({ ...parameters, ...this.model.half, ...feeds });
  }

  async dispose(): Promise<void> {
    for (const executable of this.cache.values()) await executable.dispose();
    this.cache.clear();
  }
}
