/** Measuring a task on held-out data, without gradients. */
import type { Parameters } from "../../nn/parameters.ts";
import type { Backend } from "../../runtime/index.ts";
import type { FineTuningTask } from "../../train/fine-tuning.ts";
import { ForwardSteps } from "../forward-steps.ts";

export interface Measured {
  /** The mean over everything that the task's steps take the mean of: target tokens, or groups. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Loss and metrics of a task's first epoch, whose steps count by their weight. Dispose of it when done. */
export class TaskMeasure {
  private readonly task: FineTuningTask;
  private readonly stepsOfEpoch: number;
  private readonly steps: ForwardSteps;

  /** @param task of one epoch */
  constructor(task: FineTuningTask, backend: Backend) {
    this.task = task;
    this.stepsOfEpoch = task.totalSteps;
    this.steps = new ForwardSteps(
      {
        specs: task.specs,
        ...(task.half && { half: task.half }),
        build(graph, parameters, bucket) {
          const { loss, metrics } = task.build(graph, parameters, bucket);
          return { loss, ...metrics };
        },
      },
      backend,
    );
  }

  async run(parameters: Parameters): Promise<Measured> {
    const sums = new Map<string, number>();
    let total = 0;
    for (let step = 0; step < this.stepsOfEpoch; step++) {
      const batches = this.task.microBatches(step);
      const weight = batches.reduce((sum, batch) => sum + (batch.weight ?? batch.recordIds.length), 0);
      total += weight;
      for (const { bucket, feeds } of batches) {
        const results = await this.steps.run(bucket, feeds, parameters);
        for (const [name, { data }] of Object.entries(results))
          sums.set(name, (sums.get(name) ?? 0) + weight * data[0]!);
      }
    }
    const means = Object.fromEntries([...sums].map(([name, sum]) => [name, sum / total]));
    const { loss, ...metrics } = means;
    return { loss: loss!, metrics };
  }

  async dispose(): Promise<void> {
    await this.steps.dispose();
  }
}
