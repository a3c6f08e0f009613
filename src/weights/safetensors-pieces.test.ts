/** Tensors that are written and read a piece at a time: the same bytes and numbers as whole. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { RandomStream } from "../tensor/random.ts";
import { openSafetensors, SafetensorsWriter, writeSafetensors } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-pieces-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const random = new RandomStream({ seed: 1, stream: 0 });
const data = Float32Array.from({ length: 3 * 37 }, () => random.nextNormal());
const TENSORS = (["F32", "F16", "BF16"] as const).map((dtype) => {
  return { name: `of.${dtype}`, dtype, shape: [3, 37], data };
});
const EMPTY = { name: "empty", dtype: "F32", shape: [0, 4], data: new Float32Array(0) } as const;

test("written in pieces of any length, a file has the same bytes", () => {
  const tensors = [EMPTY, ...TENSORS];
  writeSafetensors(at("whole.safetensors"), tensors, { format: "pt" });
  for (const length of [1, 10, 37, 111]) {
    const writer = new SafetensorsWriter(at("pieces.safetensors"), tensors, { format: "pt" });
    for (const { name } of writer.headings) {
      if (name === EMPTY.name) continue;
      for (let start = 0; start < data.length; start += length)
        writer.write(data.subarray(start, start + length));
    }
    writer.commit();
    writer.discard();
    expect(readFileSync(at("pieces.safetensors")).equals(readFileSync(at("whole.safetensors")))).toBe(true);
  }
});

test("read in pieces, a tensor has the same numbers", () => {
  writeSafetensors(at("read.safetensors"), TENSORS);
  const file = openSafetensors(at("read.safetensors"));
  for (const { name } of TENSORS) {
    const whole = file.read(name).data as Float32Array;
    for (const [start, length] of [
      [0, 111],
      [0, 1],
      [50, 61],
      [110, 1],
      [111, 0],
    ] as const) {
      // In the midst of a larger array: nothing beside the part is written to.
      const buffer = new Float32Array(length + 4).fill(7);
      file.readFloats(name, start, buffer.subarray(2, 2 + length));
      expect([...buffer], `${name} ${start} ${length}`).toEqual([
        7,
        7,
        ...whole.subarray(start, start + length),
        7,
        7,
      ]);
    }
  }
  const read = (name: string, start: number, length: number) => () =>
    file.readFloats(name, start, new Float32Array(length));
  expect(read("of.F16", 100, 12)).toThrow('elements 100 to 112 of tensor "of.F16", which has 111');
  expect(read("of.F16", -1, 1)).toThrow("elements -1 to 0");
  expect(read("of.F15", 0, 1)).toThrow('has no tensor "of.F15"');
  file.close();
  writeSafetensors(at("ids.safetensors"), { ids: { dtype: "I32", shape: [2], data: Int32Array.of(1, 2) } });
  const ids = openSafetensors(at("ids.safetensors"));
  expect(() => ids.readFloats("ids", 0, new Float32Array(1))).toThrow("is I32, expected F32, F16 or BF16");
  ids.close();
});

test("too much, too little and the wrong kind are refused, and leave nothing behind", () => {
  const before = readdirSync(folder);
  const open = () => new SafetensorsWriter(at("refused.safetensors"), TENSORS);
  const tooMuch = open();
  expect(() => tooMuch.write(new Float32Array(112))).toThrow(
    'tensor "of.F32" lacks 111 elements, received 112',
  );
  tooMuch.discard();
  const tooLittle = open();
  tooLittle.write(data);
  tooLittle.write(data.subarray(0, 5));
  expect(() => tooLittle.commit()).toThrow('tensor "of.BF16" has 5 of its 111 elements');
  const wrong = open();
  expect(() => wrong.write(new Int32Array(1))).toThrow("F32 is written from a Float32Array");
  wrong.discard();
  expect(readdirSync(folder)).toEqual(before);
});
