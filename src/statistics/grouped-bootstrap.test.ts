import { expect, test } from "vitest";
import { RandomStream } from "../tensor/random.ts";
import { bootstrapped, meanOf } from "./bootstrap.ts";
import { groupedBootstrap } from "./grouped-bootstrap.ts";

const stream = new RandomStream({ seed: 1, stream: 1 });
/** Groups whose means have a spread of their own, beside that of their items. */
const groups = (spread: number): number[][] =>
  Array.from({ length: 20 }, () => {
    const centre = spread * stream.nextNormal();
    return Array.from({ length: 50 }, () => centre + stream.nextNormal());
  });

const width = ([low, high]: readonly [number, number]): number => high - low;

test("the interval holds the spread between groups, which one over all items misses", () => {
  const data = groups(1);
  const { value, interval } = groupedBootstrap(data, "spread", { samples: 4000 });
  expect(value).toBeCloseTo(meanOf(data.flat()), 12);
  // The variance of a mean of 20 groups of 50: (1 + 1 / 50) / 20; resampling items within groups adds 1 / 1000 again.
  const variance = (data.reduce((sum, items) => sum + (meanOf(items) - value) ** 2, 0) / 20 + 1 / 50) / 20;
  expect(width(interval) / (2 * 1.96 * Math.sqrt(variance))).toBeCloseTo(1, 1);
  const flat = bootstrapped(data.flat(), meanOf, "spread").interval;
  expect(width(flat)).toBeLessThan(width(interval) / 2);
});

test("equal values give an interval of no width, no groups none", () => {
  expect(groupedBootstrap([[2, 2], [2]], "equal")).toEqual({ value: 2, interval: [2, 2] });
  expect(groupedBootstrap([], "none").interval).toEqual([Number.NaN, Number.NaN]);
});

test("equal names and seeds draw equal numbers", () => {
  const data = groups(0.5);
  expect(groupedBootstrap(data, "a")).toEqual(groupedBootstrap(data, "a"));
  expect(groupedBootstrap(data, "a").interval).not.toEqual(groupedBootstrap(data, "b").interval);
});
