/** A task's training step as training runs it: one compiled graph, clipping by the global norm, AdamW. */
import type { Parameters } from "../../src/nn/index.ts";
import { adamWStep, clipFactor, createAdamWState, globalNorm } from "../../src/optim/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps, parameterGroups, type TrainingTask } from "../../src/train/index.ts";

const LEARNING_RATE = 1e-4;
const WEIGHT_DECAY = 0.01;
const MAX_GRADIENT_NORM = 1;

const data = (tensors: Readonly<Record<string, Float32Tensor>>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.data]));

export class OptimizerSteps {
  private readonly task: TrainingTask;
  private readonly parameters: Parameters;
  private readonly compiled: CompiledSteps;
  private readonly gradients: Record<string, Float32Tensor>;
  private readonly groups;
  private readonly trained: Record<string, Float32Array>;
  private readonly state;

  constructor(task: TrainingTask, parameters: Parameters, threads: number) {
    const names = task.trainable ?? Object.keys(task.specs);
    this.task = task;
    this.parameters = parameters;
    this.compiled = new CompiledSteps(task, createOrtBackend({ threads }));
    this.gradients = Object.fromEntries(
      names.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
    );
    this.groups = parameterGroups(task, { learningRate: LEARNING_RATE, weightDecay: WEIGHT_DECAY });
    this.trained = data(parameters);
    this.state = createAdamWState(this.groups, this.trained);
  }

  /** Distinct shapes compiled so far. */
  get compiledCount(): number {
    return this.compiled.count;
  }

  get compileSeconds(): number {
    return this.compiled.compileSeconds;
  }

  /** One optimiser step on the single micro-batch of `step`; returns its loss. */
  async run(step: number): Promise<number> {
    const [batch] = this.task.microBatches(step);
    const { loss } = await this.compiled.run(batch!, this.parameters, this.gradients, {
      seed: 0,
      counter: step,
    });
    const gradients = data(this.gradients);
    await adamWStep(this.groups, this.trained, gradients, this.state, {
      gradientScale: clipFactor(await globalNorm(Object.values(gradients)), MAX_GRADIENT_NORM),
      multiplier: 1,
    });
    return loss;
  }
}
