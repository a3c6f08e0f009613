/** A cache of compiled training steps, one per bucket: forward, loss and gradients in a single ONNX graph. */
import { gradients } from "../graph/autodiff.ts";
import { Graph, inputName, type Value } from "../graph/ir.ts";
import { declareParameters, type Parameters } from "../nn/parameters.ts";
import type { Backend, Executable, Feeds, Results } from "../runtime/backend.ts";
import { assert } from "../support/errors.ts";
import { type HostTensor, zeros } from "../tensor/host-tensor.ts";
import { fillKeepMask, streamOf } from "../tensor/random.ts";
import { staticShape } from "../tensor/shape.ts";
import type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "./task.ts";

const GRADIENT = "gradient.";
const METRIC = "metric.";

interface CompiledStep {
  readonly graph: Graph;
  readonly outputs: StepOutputs;
  readonly executable: Executable;
  /** Dropout masks, refilled before every run. */
  readonly keepMasks: readonly { readonly name: string; readonly value: Value; readonly mask: HostTensor }[];
}

export interface StepResult {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export class CompiledSteps {
  private readonly task: TrainingTask;
  private readonly backend: Backend;
  private readonly cache = new Map<string, CompiledStep>();
  private readonly seen = new Set<string>();
  private secondsCompiling = 0;
  private sharesMemory = false;

  constructor(task: TrainingTask, backend: Backend) {
    this.task = task;
    this.backend = backend;
  }

  /** Distinct buckets compiled so far. */
  get count(): number {
    return this.seen.size;
  }

  /** Time spent on compiling so far. */
  get compileSeconds(): number {
    return this.secondsCompiling;
  }

  /**
   * Runs one micro-batch and writes its gradients into `into`.
   *
   * @param counter distinguishes the dropout masks of every micro-batch of the run
   */
  async run(
    batch: MicroBatch,
    parameters: Parameters,
    into: Readonly<Record<string, HostTensor>>,
    { seed, counter }: { readonly seed: number; readonly counter: number },
  ): Promise<StepResult> {
    const step = await this.compiled(batch.bucket);
    const gradientOutputs: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(into)) gradientOutputs[GRADIENT + name] = tensor;
    const results = await step.executable.run(
      this.feeds(step, batch, parameters, seed, counter),
      gradientOutputs,
    );
    return { loss: scalarOf(results, "loss"), metrics: metricsOf(results) };
  }

  /** The graph and complete feeds of a micro-batch, for looking into a failed step. */
  async inspect(
    batch: MicroBatch,
    parameters: Parameters,
    { seed, counter }: { readonly seed: number; readonly counter: number },
  ): Promise<{ graph: Graph; loss: Value; feeds: Feeds }> {
    const step = await this.compiled(batch.bucket);
    return {
      graph: step.graph,
      loss: step.outputs.loss,
      feeds: this.feeds(step, batch, parameters, seed, counter),
    };
  }

  async dispose(): Promise<void> {
    for (const { executable } of this.cache.values()) await executable.dispose();
    this.cache.clear();
  }

  private feeds(
    step: CompiledStep,
    batch: MicroBatch,
    parameters: Parameters,
    seed: number,
    counter: number,
  ): Feeds {
    const feeds: Record<string, HostTensor> = { ...parameters, ...this.task.half, ...batch.feeds };
    for (const { name, value, mask } of step.keepMasks) {
      assert(value.source.origin === "input", "a keep mask is a graph input");
      fillKeepMask(
        mask.data as Uint8Array,
        value.source.dropProbability,
        { seed, stream: streamOf(name) },
        counter,
      );
      feeds[name] = mask;
    }
    return feeds;
  }

  private async compiled(bucket: Bucket): Promise<CompiledStep> {
    const key = JSON.stringify(bucket);
    let step = this.cache.get(key);
    if (!step) {
      const startedAt = performance.now();
      if (this.cache.size === 1 && !this.sharesMemory) await this.shareMemory();
      step = await this.compile(bucket);
      this.secondsCompiling += (performance.now() - startedAt) / 1000;
      this.cache.set(key, step);
      this.seen.add(key);
    }
    return step;
  }

  /**
   * From the second shape on no step keeps its memory: each would hold the activations of its own shape for good. The
   * first one, which does, is compiled again when it is next needed.
   */
  private async shareMemory(): Promise<void> {
    this.sharesMemory = true;
    await this.dispose();
  }

  private async compile(bucket: Bucket): Promise<CompiledStep> {
    const { graph, outputs, named } = buildStep(this.task, bucket);
    const keepMasks = graph.inputs
      .filter((value) => value.source.origin === "input" && value.source.kind === "keep-mask")
      .map((value) => ({ name: inputName(value), value, mask: zeros("uint8", staticShape(value.shape)) }));
    const executable = await this.backend.compile(graph, named, { keepsMemory: !this.sharesMemory });
    return { graph, outputs, executable, keepMasks };
  }
}

/** The whole step as one graph: loss, metrics and a gradient for every trained parameter. */
export function buildStep(
  task: TrainingTask,
  bucket: Bucket,
): { readonly graph: Graph; readonly outputs: StepOutputs; readonly named: Readonly<Record<string, Value>> } {
  const graph = new Graph();
  const parameters = declareParameters(graph, task.specs, task.half);
  const outputs = task.build(graph, parameters, bucket);
  const names = task.trainable ?? Object.keys(task.specs);
  const gradientValues = gradients(outputs.loss, names.map(parameters), task.recompute);
  const named: Record<string, Value> = { loss: outputs.loss };
  for (const [name, value] of Object.entries(outputs.metrics)) named[METRIC + name] = value;
  for (const [index, name] of names.entries()) named[GRADIENT + name] = gradientValues[index]!;
  return { graph, outputs, named };
}

function scalarOf(results: Results, name: string): number {
  const tensor = results[name];
  assert(tensor?.data.length === 1, `step output "${name}" is a scalar`);
  return tensor.data[0]!;
}

function metricsOf(results: Results): Record<string, number> {
  const names = Object.keys(results).filter((name) => name.startsWith(METRIC));
  return Object.fromEntries(names.map((name) => [name.slice(METRIC.length), scalarOf(results, name)]));
}
