/** Loading recorded PyTorch fixtures and comparing with them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Float32Tensor, float32, type HostTensor, int32 } from "../../src/tensor/host-tensor.ts";
import { readSafetensors } from "../../src/weights/index.ts";
import { recordParity, type Tolerance } from "./parity-report.ts";

export const FIXTURES = join(import.meta.dirname, "../../fixtures");

export function fixtureJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8")) as T;
}

export class Fixture {
  private readonly tensors;

  constructor(name: string) {
    this.tensors = readSafetensors(join(FIXTURES, name)).tensors;
  }

  names(prefix: string): string[] {
    return [...this.tensors.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  float(name: string): Float32Tensor {
    const { shape, data } = this.tensor(name);
    return float32(shape, Float32Array.from(data as Float32Array));
  }

  int(name: string): HostTensor {
    const { shape, data } = this.tensor(name);
    return int32(shape, Int32Array.from(data as Int32Array, Number));
  }

  values(name: string): number[] {
    return Array.from(this.tensor(name).data as Float32Array, Number);
  }

  shape(name: string): readonly number[] {
    return this.tensor(name).shape;
  }

  private tensor(name: string) {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`fixture has no tensor ${name}`);
    return tensor;
  }
}

/** |received - expected| <= absolute + relative |expected| everywhere; the message shows the worst element. */
export function expectAllClose(
  received: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute, relative }: Tolerance,
  label: string,
): void {
  recordParity(received, expected, { absolute, relative }, label);
  expect(received.length, `${label}: length`).toBe(expected.length);
  let worst = -1;
  let worstExcess = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(received[index]! - expected[index]!);
    const excess = difference - (absolute + relative * Math.abs(expected[index]!));
    if (excess > worstExcess || Number.isNaN(difference)) {
      worst = index;
      worstExcess = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : excess;
    }
  }
  const shown =
    worst < 0 ? "" : `${label}[${worst}]: received ${received[worst]}, expected ${expected[worst]}`;
  expect(worst, shown).toBe(-1);
}
