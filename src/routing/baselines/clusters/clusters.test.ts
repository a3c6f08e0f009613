import { beforeAll, describe, expect, it } from "vitest";
import { AngleEmbedder, angleQuery, angleRecord, threeArcs } from "../../../../test/support/angle-prompts.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import { streamOf } from "../../../tensor/random.ts";
import { argmax } from "../../router.ts";
import { trainAvengers, trainAvengersPro, trainSoftClusters } from "../index.ts";
import { kMeans } from "../k-means.ts";
import { clusterTable, readClusterTable } from "./cluster-table.ts";

const CANDIDATES = ["a", "b", "c"];
const embedder = new AngleEmbedder();
const ARC_QUERIES = ["0", "120", "240"].map((prompt) => angleQuery(prompt));

/** Two tight groups; in the second, b and c lie close together. */
const EAST_AND_NORTH: JudgedRecord[] = [
  angleRecord("e1", "east", "0", [1, 0, 0]),
  angleRecord("e2", "east", "10", [1, 0, 0.5]),
  angleRecord("e3", "east", "350", [0.5, 0, 1]),
  angleRecord("n1", "north", "90", [0, 4, 2]),
  angleRecord("n2", "north", "100", [0, 1, 1]),
];

const unit = (degrees: number): number[] => [
  Math.cos((degrees * Math.PI) / 180),
  Math.sin((degrees * Math.PI) / 180),
];
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);

describe("reading a cluster table", () => {
  const table = clusterTable(Float64Array.of(1, 0, 0, 1, -1, 0), Float64Array.of(1, 0, 0, 1, 5, 5), {
    dimension: 2,
    width: 2,
  });

  it("takes the nearest cluster alone, ties to the lower", () => {
    const onTheLine = Float32Array.of(Math.SQRT1_2, Math.SQRT1_2);
    expect([...readClusterTable(table, onTheLine, { nearest: 1, sharpness: 9 })]).toEqual([1, 0]);
  });

  it("weights several by softmax(-sharpness distance)", () => {
    const query = Float32Array.of(1, 0);
    const weights = [Math.exp(0), Math.exp(-2 * Math.SQRT2)];
    const total = weights[0]! + weights[1]!;
    const row = readClusterTable(table, query, { nearest: 2, sharpness: 2 });
    expect(row[0]).toBeCloseTo(weights[0]! / total, 12);
    expect(row[1]).toBeCloseTo(weights[1]! / total, 12);
  });
});

describe("soft-clusters", () => {
  it("equals the formula written out over the same clusters", async () => {
    const router = await trainSoftClusters(EAST_AND_NORTH, CANDIDATES, embedder, { clusters: 2, seed: 3 });
    const angles = [0, 10, 350, 90, 100];
    const rows = [
      [1, 0, 0],
      [1, 0, 0.5],
      [0.5, 0, 1],
      [0, 1, 0.5],
      [0, 1, 1],
    ];
    const values = Float32Array.from(angles.flatMap(unit));
    const { centres, assignment } = kMeans({ values, dimension: 2 }, 2, {
      seed: 3,
      stream: streamOf("kmeans"),
    });
    const centre = (cluster: number) => [centres[2 * cluster]!, centres[2 * cluster + 1]!];
    const clusterRow = (cluster: number): number[] => {
      const members = [...angles.keys()].filter((index) => assignment[index] === cluster);
      const weights = members.map((index) => Math.exp(-distance(unit(angles[index]!), centre(cluster))));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return [0, 1, 2].map((column) =>
        members.reduce(
          (sum, index, position) => sum + (weights[position]! / total) * rows[index]![column]!,
          0,
        ),
      );
    };
    const query = unit(30);
    const powers = [0, 1].map((cluster) => Math.exp(-distance(query, centre(cluster))));
    const expected = [0, 1, 2].map(
      (column) =>
        (powers[0]! * clusterRow(0)[column]! + powers[1]! * clusterRow(1)[column]!) /
        (powers[0]! + powers[1]!),
    );
    const [received] = await router.scores([angleQuery("30")]);
    for (const [column, value] of expected.entries()) expect(received![column]).toBeCloseTo(value, 6);
  });

  it("finds the planted arcs, and tells them apart more sharply at a lower temperature", async () => {
    const soft = await trainSoftClusters(threeArcs(), CANDIDATES, embedder, { clusters: 3 });
    const sharp = await trainSoftClusters(threeArcs(), CANDIDATES, embedder, {
      clusters: 3,
      temperature: 0.1,
    });
    const [soften, sharpen] = [await soft.scores(ARC_QUERIES), await sharp.scores(ARC_QUERIES)];
    expect(soften.map(argmax)).toEqual([0, 1, 2]);
    expect(sharpen.map(argmax)).toEqual([0, 1, 2]);
    expect(sharpen[0]![0]).toBeGreaterThan(soften[0]![0]! + 0.1);
    await expect(trainSoftClusters(threeArcs(), CANDIDATES, embedder, { temperature: 0 })).rejects.toThrow(
      /temperature is 0, expected a positive number/,
    );
  });
});

describe("avengers", () => {
  it("scores by the min-max normalised means of the nearest cluster", async () => {
    const router = await trainAvengers(EAST_AND_NORTH, CANDIDATES, embedder, { clusters: 2, nearest: 1 });
    const [east, north] = await router.scores([angleQuery("5"), angleQuery("92")]);
    // East: means 2.5/3, 0, 1.5/3. North: 0, 1, 0.75.
    expect([...east!].map((value) => Number(value.toFixed(6)))).toEqual([1, 0, 0.6]);
    expect([...north!]).toEqual([0, 1, 0.75]);
  });

  it("finds the planted arcs with its defaults", async () => {
    const router = await trainAvengers(threeArcs(), CANDIDATES, embedder);
    expect((await router.scores(ARC_QUERIES)).map(argmax)).toEqual([0, 1, 2]);
  });

  it.each([
    [{ nearest: 0 }, /nearest is 0/],
    [{ sharpness: -1 }, /sharpness is -1/],
    [{ clusters: 1000 }, /clusters is 1000, expected an integer in 1\.\.120/],
  ])("refuses %j", async (options, message) => {
    await expect(trainAvengers(threeArcs(), CANDIDATES, embedder, options)).rejects.toThrow(message);
  });
});

describe("avengers-pro", () => {
  const costs = { a: 10, b: 1, c: 4 };
  let router: Awaited<ReturnType<typeof trainAvengersPro>>;
  beforeAll(async () => {
    router = await trainAvengersPro(threeArcs(), CANDIDATES, embedder, costs, { clusters: 3, nearest: 1 });
  });

  it("mixes performance and efficiency by alpha, which can be changed without training", async () => {
    const [performance] = await router.withAlpha(1).scores(ARC_QUERIES);
    const [efficiency] = await router.withAlpha(0).scores(ARC_QUERIES);
    expect([...efficiency!].map((value) => Number(value.toFixed(6)))).toEqual([0, 1, 0.666667]);
    const [mixed] = await router.withAlpha(0.25).scores(ARC_QUERIES);
    for (const column of [0, 1, 2]) {
      expect(mixed![column]).toBeCloseTo(0.25 * performance![column]! + 0.75 * efficiency![column]!, 12);
    }
    expect(router.alpha).toBe(0.7);
  });

  it("moves from the best to the cheapest as alpha falls", async () => {
    const chosen = async (alpha: number) => (await router.withAlpha(alpha).scores(ARC_QUERIES)).map(argmax);
    expect(await chosen(1)).toEqual([0, 1, 2]);
    expect(await chosen(0)).toEqual([1, 1, 1]);
    const spent = async (alpha: number) =>
      (await chosen(alpha)).reduce((sum, index) => sum + costs[CANDIDATES[index] as "a"], 0);
    const curve = await Promise.all([0, 0.2, 0.4, 0.6, 0.8, 1].map(spent));
    expect(curve).toEqual([...curve].sort((x, y) => x - y));
  });

  it("asks for a cost of every candidate and an alpha in range", async () => {
    await expect(trainAvengersPro(threeArcs(), CANDIDATES, embedder, { a: 1, b: 2 })).rejects.toThrow(
      /costs of "c" is missing/,
    );
    expect(() => router.withAlpha(1.5)).toThrow(/alpha is 1\.5/);
  });
});
