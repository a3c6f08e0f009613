import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AngleEmbedder,
  angleQuery as query,
  angleRecord as record,
} from "../../../test/support/angle-prompts.ts";
import { TuttiError } from "../../support/errors.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { argmax } from "../router.ts";
import {
  FixedRouter,
  loadBaselines,
  promptClass,
  RandomRouter,
  saveBaselines,
  trainBaselines,
  trainDomainBest,
  trainKMeans,
  trainKnn,
  trainRidge,
  trainStringRule,
} from "./index.ts";
import { kMeans } from "./k-means.ts";

const CANDIDATES = ["a", "b", "c"];

/** East is best answered by a, north by b; scores of the two benchmarks have different scales. */
const EAST_AND_NORTH = [
  record("e1", "east", "0", [1, 0, 0]),
  record("e2", "east", "5", [1, 0, 0.5]),
  record("e3", "east", "355", [1, 0, 0]),
  record("n1", "north", "90", [1, 9, 1]),
  record("n2", "north", "95", [1, 5, 9]),
  record("n3", "north", "85", [1, 9, 1]),
];

describe("routers that never look", () => {
  it("random is a function of seed and id, and close to uniform", async () => {
    const router = new RandomRouter(CANDIDATES, 1);
    const queries = Array.from({ length: 3000 }, (_, index) => ({ id: `r${index}`, prompt: "" }));
    const rows = await router.scores(queries);
    expect(await router.scores([queries[7]!])).toEqual([rows[7]]);
    expect(await new RandomRouter(CANDIDATES, 2).scores([queries[7]!])).not.toEqual([rows[7]]);
    const counts = [0, 0, 0];
    for (const row of rows) counts[argmax(row)]!++;
    // Standard deviation is 26; five of them.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it("fixed always names its candidate", async () => {
    const router = new FixedRouter(CANDIDATES, "b");
    expect(router.name).toBe("fixed:b");
    expect((await router.scores([query("x"), query("y")])).map(argmax)).toEqual([1, 1]);
    expect(() => new FixedRouter(CANDIDATES, "z")).toThrow(/unknown candidate "z"/);
  });
});

describe("domain-best", () => {
  it("takes the benchmark's best mean score, and the best overall for an unknown domain", async () => {
    const router = trainDomainBest(EAST_AND_NORTH, CANDIDATES);
    expect(router.readsDomain).toBe(true);
    const rows = await router.scores([query("", "east"), query("", "north"), query("", "south"), query("")]);
    expect([...rows[1]!].map((value) => Math.round(value * 1000))).toEqual([1000, 7667, 3667]);
    // Overall: a wins three prompts outright; b has 1 + 0.5 + 1.
    expect(rows.map(argmax)).toEqual([0, 1, 0, 0]);
    expect(rows[2]).toEqual(rows[3]);
    expect(rows[2]![1]).toBeCloseTo(2.5 / 6, 12);
  });
});

describe("string-rule", () => {
  it("recognises the fixed wordings", () => {
    expect(promptClass("Compute 1 + 1. Put your final answer within \\boxed{}.")).toBe("math");
    expect(promptClass("Sort a list.\nYour code should pass these tests:\nassert f([2, 1]) == [1, 2]")).toBe(
      "code",
    );
    expect(
      promptClass(
        "Read the following function signature and docstring, and fully implement the function described. ...",
      ),
    ).toBe("code");
    expect(promptClass("Write some code that prints boxed{3}")).toBe("other");
  });

  it("learns the best model of each class and falls back for a class it never saw", async () => {
    const records = [
      record("m1", "m", "\\boxed{}", [0, 0, 1]),
      record("m2", "m", "Again \\boxed{}", [0, 1, 1]),
      record("c1", "k", "Your code should pass this", [0, 1, 0]),
    ];
    const router = trainStringRule(records, CANDIDATES);
    const rows = await router.scores([query("so \\boxed{}"), query("Your code should pass"), query("hello")]);
    expect([...rows[0]!]).toEqual([0, 0.5, 1]);
    expect([...rows[1]!]).toEqual([0, 1, 0]);
    expect(rows[2]![0]).toBe(0);
    expect(rows[2]![1]).toBeCloseTo(2 / 3, 12);
    expect(argmax(rows[2]!)).toBe(1);
  });
});

describe("knn", () => {
  it("averages the normalised scores of the nearest prompts", async () => {
    const router = await trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { neighbours: 2 });
    const [east, north] = await router.scores([query("2"), query("92")]);
    expect([...east!]).toEqual([1, 0, 0.25]);
    expect([...north!]).toEqual([0, 0.75, 0.5]);
  });

  it("uses every prompt when there are fewer than k, and the mean for a prompt without known words", async () => {
    const router = await trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder());
    const [near, unknown] = await router.scores([query("2"), query("?")]);
    for (const [index, value] of near!.entries()) expect(value).toBeCloseTo(unknown![index]!, 12);
    expect(unknown![0]).toBeCloseTo(0.5, 12);
    expect(await router.nearest("?", 3)).toEqual([]);
  });

  it("shows the nearest training prompts in order, ties to the earlier", async () => {
    const router = await trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { neighbours: 2 });
    const neighbours = await router.nearest("90", 3);
    expect(neighbours.map(({ id }) => id)).toEqual(["n1", "n2", "n3"]);
    expect(neighbours[0]!.prompt).toBe("90");
    expect([...neighbours[0]!.scores]).toEqual([0, 1, 0]);
    expect(neighbours[0]!.similarity).toBeCloseTo(1, 6);
    expect(neighbours[1]!.similarity).toBeCloseTo(Math.cos((5 * Math.PI) / 180), 6);
    await expect(
      trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { neighbours: 0 }),
    ).rejects.toThrow(/neighbours is 0/);
  });
});

describe("k-means", () => {
  it("finds separated groups from any seed", () => {
    const groups = [0, 1, 2].flatMap((group) =>
      Array.from({ length: 20 }, (_, i) => [10 * group, (i % 5) / 10]),
    );
    const points = { values: Float64Array.from(groups.flat()), dimension: 2 };
    for (let seed = 0; seed < 5; seed++) {
      const { centres, assignment } = kMeans(points, 3, { seed, stream: 0 });
      const labels = [0, 20, 40].map((start) => new Set(assignment.subarray(start, start + 20)));
      expect(labels.map((set) => set.size)).toEqual([1, 1, 1]);
      expect(new Set(assignment).size).toBe(3);
      expect([...centres].filter((_, index) => index % 2 === 1).every((y) => Math.abs(y - 0.2) < 1e-9)).toBe(
        true,
      );
    }
  });

  it("gives every point a cluster when centres settle on a part of them", () => {
    const size = 10_000;
    const values = new Float64Array(3 * size * 2);
    for (let index = 0; index < 3 * size; index++) {
      values[2 * index] = 10 * Math.floor(index / size);
      values[2 * index + 1] = (index % 5) / 10;
    }
    const { assignment } = kMeans({ values, dimension: 2 }, 3, { seed: 1, stream: 0 });
    const labels = [0, 1, 2].map((group) => new Set(assignment.subarray(group * size, (group + 1) * size)));
    expect(labels.map((set) => set.size)).toEqual([1, 1, 1]);
    expect(new Set(assignment).size).toBe(3);
  });

  it("copes with more clusters than distinct points", () => {
    const { assignment } = kMeans({ values: new Float64Array(12).fill(1), dimension: 2 }, 4, {
      seed: 0,
      stream: 0,
    });
    expect([...assignment]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("scores by the nearest cluster's mean", async () => {
    const router = await trainKMeans(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { clusters: 2 });
    const [east, north] = await router.scores([query("20"), query("80")]);
    expect(argmax(east!)).toBe(0);
    expect(east![2]).toBeCloseTo(0.5 / 3, 12);
    expect(argmax(north!)).toBe(1);
    expect(north![1]).toBeCloseTo(2.5 / 3, 12);
    await expect(
      trainKMeans(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { clusters: 7 }),
    ).rejects.toThrow(/clusters is 7, expected an integer in 1\.\.6/);
  });
});

describe("ridge", () => {
  it("predicts each candidate from the embedding", async () => {
    const router = await trainRidge(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder());
    const rows = await router.scores([query("10"), query("80")]);
    expect(rows.map(argmax)).toEqual([0, 1]);
    await expect(
      trainRidge(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder(), { lambdas: [0] }),
    ).rejects.toThrow(/lambdas are \[0\]/);
  });
});

describe("the standard list", () => {
  const prompts = [
    "boil pasta water",
    "boil rice water",
    "solve the equation \\boxed{}",
    "solve the integral \\boxed{}",
  ];
  const records = prompts.flatMap((prompt, index) => [
    record(`${index}x`, index < 2 ? "food" : "maths", prompt, index < 2 ? [0, 1, 0] : [0, 0, 1]),
    record(`${index}y`, index < 2 ? "food" : "maths", `please ${prompt}`, index < 2 ? [0, 1, 0] : [0, 1, 1]),
  ]);
  const embedder = TfidfLsaEmbedder.fit(records.map(({ prompt }) => String(prompt)));
  const queries = [query("boil water", "food"), query("solve \\boxed{}", "maths"), query("zebra", "new")];

  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tutti-baselines-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const indexPath = () => join(directory, "baselines.json");

  function editHeader(change: (header: Record<string, never>) => void): void {
    const index = JSON.parse(readFileSync(indexPath(), "utf8"));
    change(index.header);
    writeFileSync(indexPath(), JSON.stringify(index));
  }

  it("has a stable order and scores after loading exactly as before saving", async () => {
    const baselines = await trainBaselines(records, CANDIDATES, { seed: 3, embedder });
    expect(baselines.map(({ name }) => name)).toEqual([
      "random",
      "fixed:a",
      "fixed:b",
      "fixed:c",
      "domain-best",
      "string-rule",
      "knn",
      "kmeans",
      "ridge",
    ]);
    expect(baselines.filter(({ readsDomain }) => readsDomain).map(({ name }) => name)).toEqual([
      "domain-best",
    ]);
    saveBaselines(directory, baselines);
    const loaded = loadBaselines(directory);
    expect(loaded.map(({ name }) => name)).toEqual(baselines.map(({ name }) => name));
    for (const [index, router] of loaded.entries()) {
      expect(router.candidates).toEqual(CANDIDATES);
      expect(await router.scores(queries)).toEqual(await baselines[index]!.scores(queries));
      const choices = (await router.scores(queries)).slice(0, 2).map(argmax);
      if (["domain-best", "string-rule", "ridge"].includes(router.name)) expect(choices).toEqual([1, 2]);
      // Eight prompts are fewer than k neighbours and make a single cluster: the best candidate overall.
      if (["knn", "kmeans"].includes(router.name)) expect(choices).toEqual([1, 1]);
    }
  });

  it("never tells a router apart by the domain unless it declares so", async () => {
    const baselines = await trainBaselines(records, CANDIDATES, { seed: 3, embedder });
    const silent = queries.map(({ id, prompt }) => ({ id, prompt }));
    for (const router of baselines) {
      const same =
        JSON.stringify(await router.scores(queries)) === JSON.stringify(await router.scores(silent));
      expect([router.name, same]).toEqual([router.name, router.readsDomain !== true]);
    }
  });

  it("asks for an embedder that was not learned from the prompts", async () => {
    const angles = new AngleEmbedder();
    const knn = await trainKnn(EAST_AND_NORTH, CANDIDATES, angles);
    saveBaselines(directory, [knn]);
    expect(() => loadBaselines(directory)).toThrow(
      /header\.embedder is angle of dimension 2, but none was given/,
    );
    expect(() => loadBaselines(directory, { embedder })).toThrow(/but tfidf-lsa of dimension \d+ was given/);
    const [loaded] = loadBaselines(directory, { embedder: angles });
    expect(await loaded!.scores([query("2")])).toEqual(await knn.scores([query("2")]));
  });

  it("refuses to save what does not belong together", async () => {
    const knn = await trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder());
    const other = await trainKnn(EAST_AND_NORTH, CANDIDATES, new AngleEmbedder());
    expect(() => saveBaselines(directory, [knn, other])).toThrow(
      /2 embedders \(angle, angle\), expected one/,
    );
    expect(() => saveBaselines(directory, [knn, new FixedRouter(["a"], "a")])).toThrow(
      /fixed:a has candidates \[a\]/,
    );
    expect(() => saveBaselines(directory, [])).toThrow(/no baselines/);
  });

  const damages: Array<[string, () => void, RegExp]> = [
    ["an empty folder", () => rmSync(directory, { recursive: true }), /baselines\.json: could not be read/],
    [
      "a missing binary",
      () => {
        for (const name of readdirSync(directory)) if (name.endsWith(".bin")) rmSync(join(directory, name));
      },
      /\.bin: could not be read/,
    ],
    [
      "an unknown router kind",
      () => editHeader((header) => Object.assign(header.routers![0]!, { kind: "oracle" })),
      /header\.routers\.0/,
    ],
    [
      "a fixed router of a stranger",
      () => editHeader((header) => Object.assign(header.routers![1]!, { candidate: "z" })),
      /header\.routers\.1\.candidate is "z", not a candidate/,
    ],
    [
      "another candidate count",
      () => editHeader((header) => Object.assign(header, { candidates: ["a", "b", "c", "d"] })),
      /header\.routers\.4 has a row of 3 scores, expected 4/,
    ],
    [
      "no embedder",
      () => editHeader((header) => delete header.embedder),
      /header\.embedder is missing, but header\.routers\.6 needs it/,
    ],
    [
      "a longer list of examples",
      () =>
        editHeader((header) =>
          (header.routers![6] as { examples: object[] }).examples.push({ id: "", prompt: "" }),
        ),
      /arrays\.routers\.6\/embeddings is float32\[\d+\], expected float32\[\d+\]/,
    ],
  ];

  it.each(damages)("refuses to load %s", async (_, damage, message) => {
    saveBaselines(directory, await trainBaselines(records, CANDIDATES, { seed: 3, embedder }));
    damage();
    let thrown: unknown;
    try {
      loadBaselines(directory);
    } catch (error) {
      thrown = error;
    }
    expect(TuttiError.is(thrown) && thrown.code).toBe("ROUTER_INVALID");
    expect((thrown as Error).message).toMatch(message);
  });

  it("refuses training data that does not fit", async () => {
    const options = { seed: 0, embedder };
    await expect(trainBaselines([], CANDIDATES, options)).rejects.toThrow(/no training records/);
    await expect(trainBaselines(records, ["a", "a"], options)).rejects.toThrow(/expected distinct names/);
    await expect(trainBaselines(records, [], options)).rejects.toThrow(/expected distinct names/);
    await expect(trainBaselines(records, ["a", "d"], options)).rejects.toThrow(
      /record "0x": candidates has no "d"/,
    );
  });
});
