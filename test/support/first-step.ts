/** What a training task computes in its first step, before any update. */
import type { Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import { type Float32Tensor, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps, type FineTuningTask } from "../../src/train/index.ts";

export interface FirstStep {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, Float64Array>>;
}

/** Loss, metrics and gradients of step 0, summed over its micro-batches. */
export async function firstStep(
  task: FineTuningTask,
  parameters: Parameters,
  backend: Backend,
): Promise<FirstStep> {
  const steps = new CompiledSteps(task, backend);
  const gradients = Object.fromEntries(
    task.trainable.map((name) => [name, new Float64Array(parameters[name]!.data.length)]),
  );
  const metrics: Record<string, number> = {};
  let loss = 0;
  for (const [counter, batch] of task.microBatches(0).entries()) {
    const into = Object.fromEntries(
      task.trainable.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
    );
    const result = await steps.run(batch, parameters, into, { seed: 1, counter });
    loss += result.loss;
    for (const [name, value] of Object.entries(result.metrics)) metrics[name] = (metrics[name] ?? 0) + value;
    for (const name of task.trainable)
      for (const [index, value] of into[name]!.data.entries()) gradients[name]![index]! += value;
  }
  await steps.dispose();
  return { loss, metrics, gradients };
}
