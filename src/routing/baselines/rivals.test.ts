import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { angleRecord } from "../../../test/support/angle-prompts.ts";
import { TuttiError } from "../../support/errors.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import type { RoutingQuery } from "../router.ts";
import { loadBaselines, RIVAL_NAMES, type SavableRouter, saveBaselines, trainRivals } from "./index.ts";

const CANDIDATES = ["a", "b", "c"];
const DISHES = [
  "pasta",
  "rice",
  "lentils",
  "noodles",
  "barley",
  "beans",
  "oats",
  "millet",
  "couscous",
  "quinoa",
];
const records = DISHES.flatMap((dish, index) => [
  angleRecord(
    `f${index}`,
    "food",
    `boil ${dish} in water`,
    [0, 1, index % 3 === 0 ? 1 : 0],
    [dish, dish, "water"],
  ),
  angleRecord(`m${index}`, "maths", `solve the ${dish} equation`, [1, 0, index % 2], [dish, "boil", dish]),
]);
const embedder = TfidfLsaEmbedder.fit(records.map(({ prompt }) => String(prompt)));
const queries: RoutingQuery[] = [
  { id: "1", prompt: "boil rice", domain: "food" },
  { id: "2", prompt: "solve the equation", domain: "maths" },
  { id: "3", prompt: "zebra" },
];

describe("the rivals", () => {
  let rivals: SavableRouter[];
  let directory: string;
  const trained: string[] = [];

  beforeAll(async () => {
    const options = { seed: 3, embedder, costs: { a: 3, b: 2, c: 1 } };
    rivals = await trainRivals(records, CANDIDATES, options, (name, seconds) => {
      expect(seconds).toBeGreaterThan(0);
      trained.push(name);
    });
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tutti-rivals-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("come in a stable order, Avengers-Pro only with costs", async () => {
    expect(rivals.map(({ name }) => name)).toEqual([...RIVAL_NAMES]);
    expect(trained).toEqual([...RIVAL_NAMES]);
    const some = await trainRivals(records, CANDIDATES, { seed: 0, embedder, names: ["zooter", "avengers"] });
    expect(some.map(({ name }) => name)).toEqual(["avengers", "zooter"]);
    await expect(
      trainRivals(records, CANDIDATES, { seed: 0, embedder, names: ["avengers-pro"] }),
    ).rejects.toThrow(/costs of "a" is missing/);
  });

  it("score a query alone as in company, and never look at the domain", async () => {
    for (const router of rivals) {
      const rows = await router.scores(queries);
      for (const row of rows) expect(row.every(Number.isFinite)).toBe(true);
      const alone = await Promise.all(
        [...queries].reverse().map(({ id, prompt }) => router.scores([{ id, prompt }])),
      );
      expect([router.name, alone.reverse().map(([row]) => row)]).toEqual([router.name, rows]);
      expect(router.readsDomain).toBeUndefined();
    }
  });

  it("score after loading exactly as before saving", async () => {
    saveBaselines(directory, rivals);
    const loaded = loadBaselines(directory);
    expect(loaded.map(({ name }) => name)).toEqual(rivals.map(({ name }) => name));
    for (const [index, router] of loaded.entries()) {
      expect(router.candidates).toEqual(CANDIDATES);
      expect([router.name, await router.scores(queries)]).toEqual([
        router.name,
        await rivals[index]!.scores(queries),
      ]);
    }
  });

  const position = (name: string) => RIVAL_NAMES.indexOf(name as "irt");
  const damages: ReadonlyArray<[string, Record<string, unknown>, RegExp]> = [
    ["soft-clusters", { clusters: 50 }, /routers\.0\/centres is float64\[\d+\], expected float64/],
    ["soft-clusters", { temperature: 0 }, /header\.routers\.0\.temperature/],
    ["avengers", { nearest: 0 }, /header\.routers\.1\.nearest/],
    ["avengers-pro", { alpha: 2 }, /header\.routers\.2\.alpha/],
    ["logistic", { lambda: "strong" }, /header\.routers\.3\.lambda/],
    ["matrix-factorisation", { width: 3 }, /routers\.4\/models is float32\[384\], expected float32\[9\]/],
    ["irt", { abilities: 2 }, /routers\.5\/abilities is float32\[75\], expected float32\[6\]/],
    ["router-dc", { width: -1 }, /header\.routers\.7\.width/],
    ["smoothie", { prompts: 3 }, /routers\.8\/embeddings is float32/],
  ];

  it.each(damages)("refuse to load %s with %j", (name, change, message) => {
    saveBaselines(directory, rivals);
    const path = join(directory, "baselines.json");
    const index = JSON.parse(readFileSync(path, "utf8"));
    Object.assign(index.header.routers[position(name)], change);
    writeFileSync(path, JSON.stringify(index));
    let thrown: unknown;
    try {
      loadBaselines(directory);
    } catch (error) {
      thrown = error;
    }
    expect(TuttiError.is(thrown) && thrown.code).toBe("ROUTER_INVALID");
    expect((thrown as Error).message).toMatch(message);
  });
});
