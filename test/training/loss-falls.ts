/** The check that a tiny run learns what it shall, and nothing else. */
import { expect } from "vitest";
import type { Parameters } from "../../src/nn/index.ts";
import type { Backend } from "../../src/runtime/index.ts";
import {
  type FineTuningTask,
  readMetrics,
  type TrainingSettings,
  train,
  trainingPaths,
} from "../../src/train/index.ts";

interface PreparedRun {
  readonly task: FineTuningTask;
  readonly parameters: Parameters;
  readonly settings: TrainingSettings;
}

/** Trains; the loss must fall from above 4 to `share` of where it began, and frozen weights must stay. */
export async function expectLossFalls(
  prepare: () => PreparedRun,
  backend: Backend,
  share: number,
): Promise<void> {
  const { task, parameters, settings } = prepare();
  const start = prepare().parameters;
  const result = await train(task, parameters, settings, { backend });
  const losses = readMetrics(trainingPaths(settings.outputFolder).metricsPath).map(({ loss }) => loss);
  expect(losses.length).toBe(task.totalSteps);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const before = mean(losses.slice(0, 3));
  expect(before).toBeGreaterThan(4);
  expect(mean(losses.slice(-3))).toBeLessThan(share * before);
  for (const [parameter, { data }] of Object.entries(result.parameters)) {
    const isSame = data.every((value, index) => value === start[parameter]!.data[index]);
    expect(isSame, parameter).toBe(!task.trainable.includes(parameter));
  }
}
