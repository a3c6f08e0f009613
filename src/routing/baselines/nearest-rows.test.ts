import { expect, it } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { nearestRows } from "./nearest-rows.ts";

it("equals sorting all rows, repeated rows included", () => {
  const stream = new RandomStream({ seed: 5, stream: 0 });
  const rows = Array.from({ length: 200 }, () => [stream.nextInteger(3) - 1, stream.nextInteger(3) - 1]);
  const query = Float32Array.of(0.5, 0.25);
  const all = rows
    .map(([x, y], index) => ({ index, similarity: 0.5 * x! + 0.25 * y! }))
    .sort((a, b) => b.similarity - a.similarity || a.index - b.index);
  for (const count of [1, 7, 100, 199, 200, 500]) {
    expect(nearestRows(Float32Array.from(rows.flat()), query, count)).toEqual(all.slice(0, count));
  }
  expect(nearestRows(Float32Array.from(rows.flat()), query, 0)).toEqual([]);
});
