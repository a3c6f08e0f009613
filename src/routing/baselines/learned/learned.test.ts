import { describe, expect, it } from "vitest";
import { AngleEmbedder, angleQuery, angleRecord, threeArcs } from "../../../../test/support/angle-prompts.ts";
import { Graph } from "../../../graph/ir.ts";
import { declareParameters } from "../../../nn/index.ts";
import { createOrtBackend, createReferenceBackend } from "../../../runtime/index.ts";
import { argmax, type Router } from "../../router.ts";
import { trainIrt, trainLogistic, trainMatrixFactorisation, trainRouterDc, trainZooter } from "../index.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { HEAD_TRAINING, trainHead } from "./head-training.ts";
import { minimise } from "./lbfgs.ts";
import { sampleModelMasks } from "./router-dc-router.ts";
import { zooterHead } from "./zooter-router.ts";

const CANDIDATES = ["a", "b", "c"];
const embedder = new AngleEmbedder();
const arcs = threeArcs();
const ARC_QUERIES = ["0", "120", "240"].map((prompt) => angleQuery(prompt));
/** Few prompts in few dimensions: larger steps than the defaults reach the same place sooner. */
const FAST = { learningRate: 0.03, batchSize: 16 };

type Train = (seed: number) => Promise<Router>;
const METHODS: Readonly<Record<string, Train>> = {
  logistic: (seed) => trainLogistic(arcs, CANDIDATES, embedder, { seed }),
  "matrix-factorisation": (seed) =>
    trainMatrixFactorisation(arcs, CANDIDATES, embedder, { seed, width: 16, ...FAST }),
  irt: (seed) => trainIrt(arcs, CANDIDATES, embedder, { seed, abilities: 6, ...FAST }),
  zooter: (seed) => trainZooter(arcs, CANDIDATES, embedder, { seed, ...FAST }),
  "zooter reverse": (seed) =>
    trainZooter(arcs, CANDIDATES, embedder, { seed, direction: "reverse", ...FAST }),
  "router-dc": (seed) =>
    trainRouterDc(arcs, CANDIDATES, embedder, {
      seed,
      positives: 1,
      negatives: 2,
      clusters: 3,
      width: 16,
      ...FAST,
    }),
};

describe.each(Object.entries(METHODS))("%s", (name, train) => {
  it("finds the planted arcs, each time the same", async () => {
    const router = await train(1);
    expect(router.name).toBe(name.split(" ")[0]);
    const rows = await router.scores(ARC_QUERIES);
    expect(rows.map(argmax)).toEqual([0, 1, 2]);
    expect(await (await train(1)).scores(ARC_QUERIES)).toEqual(rows);
    if (name !== "logistic") expect(await (await train(2)).scores(ARC_QUERIES)).not.toEqual(rows);
  });
});

describe("what scores mean", () => {
  it("irt gives success probabilities: four in five prompts of an arc are won by its candidate", async () => {
    const router = await trainIrt(arcs, CANDIDATES, embedder, { abilities: 6, ...FAST });
    const [east] = await router.scores([angleQuery("0")]);
    expect(Math.abs(east![0]! - 0.8)).toBeLessThan(0.12);
    expect(east![2]!).toBeLessThan(0.2);
  });

  it("irt finds prompts that every candidate fails more difficult", async () => {
    const records = Array.from({ length: 80 }, (_, index) => {
      const isHard = index % 2 === 0;
      const scores = isHard ? [0, 0, 0] : [1, index % 8 === 1 ? 0 : 1, 1];
      return angleRecord(`h${index}`, "x", String((isHard ? 0 : 180) + (index % 20)), scores);
    });
    const router = await trainIrt(records, CANDIDATES, embedder, FAST);
    const [hard, easy] = [await router.traits("10"), await router.traits("190")];
    expect(hard.difficulty).toBeGreaterThan(easy.difficulty + 1);
    expect(Math.min(...hard.discrimination)).toBeGreaterThan(0);
  });

  it("zooter gives a distribution, matrix factorisation differences that predict who wins", async () => {
    const zooter = await trainZooter(arcs, CANDIDATES, embedder, FAST);
    const [row] = await zooter.scores([angleQuery("77")]);
    expect(row!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    const router = await trainMatrixFactorisation(arcs, CANDIDATES, embedder, { width: 16, ...FAST });
    const [east] = await router.scores([angleQuery("0")]);
    // On the eastern arc a wins four times for each win of b.
    const winRate = 1 / (1 + Math.exp(east![1]! - east![0]!));
    expect(Math.abs(winRate - 0.8)).toBeLessThan(0.12);
  });

  it("logistic chooses a weak penalty where the rule is clean, and a strong one in noise", async () => {
    const clean = await trainLogistic(
      arcs.map((record, index) =>
        angleRecord(`c${index}`, "x", String(record.prompt), [Number(record.prompt) < 60 ? 1 : 0, 0, 1]),
      ),
      CANDIDATES,
      embedder,
    );
    const noise = await trainLogistic(
      arcs.map((_, index) =>
        angleRecord(`n${index}`, "x", String((index * 61) % 360), [index % 2, (index >> 1) % 2, 1]),
      ),
      CANDIDATES,
      embedder,
      { validationShare: 0.5 },
    );
    expect(clean.lambda).toBeLessThan(noise.lambda);
  });
});

describe("the head trainer", () => {
  const prompts = () => freezePrompts(arcs, CANDIDATES, embedder, { validationShare: 0.3, seed: 0 });

  it("keeps the parameters with the lowest validation loss and stops after the patience", async () => {
    const frozen = await prompts();
    const head = zooterHead(frozen.data.normalised, 2, { temperature: 0.1, direction: "forward" });
    const training = { ...HEAD_TRAINING, learningRate: 0.5, batchSize: 8, patience: 3 };
    const { parameters, validationLosses } = await trainHead(head, frozen, training);
    const lowest = validationLosses.indexOf(Math.min(...validationLosses));
    expect(lowest).toBeGreaterThan(0);
    expect(validationLosses).toHaveLength(lowest + 4);
    const graph = new Graph();
    const input = graph.input("prompts", "float32", [frozen.validation.length, 2]);
    const loss = head.loss(declareParameters(graph, head.specs), input);
    const executable = await createReferenceBackend().compile(graph, { loss });
    const values = Float32Array.from(
      [...frozen.validation].flatMap((row) => [...frozen.embeddings.subarray(2 * row, 2 * row + 2)]),
    );
    const feeds = head.feeds(frozen.validation, undefined as never);
    const tensor = { dtype: "float32" as const, shape: [frozen.validation.length, 2], data: values };
    const measured = await executable.run({ ...parameters, ...feeds, prompts: tensor });
    expect(measured.loss!.data[0]).toBeCloseTo(validationLosses[lowest]!, 5);
  });

  it("trains every epoch on every prompt without validation", async () => {
    const frozen = await freezePrompts(arcs, CANDIDATES, embedder, { validationShare: 0, seed: 0 });
    expect(frozen.training).toHaveLength(arcs.length);
    const head = zooterHead(frozen.data.normalised, 2, { temperature: 0.1, direction: "forward" });
    const backend = createOrtBackend({ threads: 1 });
    const one = await trainHead(head, frozen, { ...HEAD_TRAINING, epochs: 1 }, backend);
    const two = await trainHead(head, frozen, { ...HEAD_TRAINING, epochs: 2 }, backend);
    expect(one.validationLosses).toEqual([]);
    expect(two.parameters["head.weight"]!.data).not.toEqual(one.parameters["head.weight"]!.data);
  });

  it("keeps repeated prompts on one side", async () => {
    const doubled = [...arcs, ...arcs.map((record) => ({ ...record, id: `${record.id} again` }))];
    const frozen = await freezePrompts(doubled, CANDIDATES, embedder, { validationShare: 0.3, seed: 0 });
    const texts = (rows: Uint32Array) => new Set(Array.from(rows, (row) => frozen.data.prompts[row]!));
    const held = texts(frozen.validation);
    expect([...texts(frozen.training)].filter((text) => held.has(text))).toEqual([]);
    expect(frozen.training.length + frozen.validation.length).toBe(doubled.length);
  });

  it.each([
    [{ epochs: 0 }, /epochs is 0/],
    [{ batchSize: 1.5 }, /batchSize is 1\.5/],
    [{ learningRate: Number.NaN }, /learningRate is NaN/],
    [{ validationShare: 2 }, /holdoutShare: received 2/],
    [{ temperature: -1 }, /temperature is -1/],
  ])("refuses %j", async (options, message) => {
    await expect(trainZooter(arcs, CANDIDATES, embedder, options)).rejects.toThrow(message);
  });

  it("refuses other settings out of range", async () => {
    const refused: ReadonlyArray<[Promise<unknown>, RegExp]> = [
      [trainIrt(arcs, CANDIDATES, embedder, { abilities: 0 }), /abilities is 0/],
      [trainMatrixFactorisation(arcs, CANDIDATES, embedder, { width: -1 }), /width is -1/],
      [trainRouterDc(arcs, CANDIDATES, embedder, { outsiders: 0 }), /outsiders is 0/],
      [trainRouterDc(arcs, CANDIDATES, embedder, { clusters: 0 }), /clusters is 0/],
      [trainRouterDc(arcs, CANDIDATES, embedder, { temperature: 0.001 }), /temperature is 0\.001/],
      [trainLogistic(arcs, CANDIDATES, embedder, { penalties: [0] }), /penalties are \[0\]/],
      [trainIrt([], CANDIDATES, embedder), /no training records/],
    ];
    for (const [attempt, message] of refused) await expect(attempt).rejects.toThrow(message);
  });
});

describe("router-dc masks", () => {
  it("pull the best with merit, push the worst that are not good", () => {
    const masks = (merits: number[]) => {
      const { positive, negative } = sampleModelMasks(Float64Array.from(merits), {
        positives: 3,
        negatives: 3,
      });
      return [[...positive], [...negative]];
    };
    expect(masks([0, 1, 0.9, 0, 0.6])).toEqual([
      [0, 1, 1, 0, 1],
      [1, 0, 0, 1, 0],
    ]);
    expect(masks([0, 0, 1, 0, 0])).toEqual([
      [0, 0, 1, 0, 0],
      [0, 1, 0, 1, 1],
    ]);
  });
});

describe("L-BFGS", () => {
  it("solves a badly scaled quadratic and Rosenbrock's valley", () => {
    const scales = [1, 10, 100, 1000];
    const quadratic = minimise(
      (x, gradient) => {
        let value = 0;
        for (const [index, scale] of scales.entries()) {
          gradient[index] = scale * (x[index]! - index);
          value += (scale / 2) * (x[index]! - index) ** 2;
        }
        return value;
      },
      new Float64Array(4),
      { tolerance: 1e-9 },
    );
    for (const [index, value] of quadratic.x.entries()) expect(value).toBeCloseTo(index, 8);
    const valley = minimise(
      ([x, y], gradient) => {
        gradient[0] = -2 * (1 - x!) - 400 * x! * (y! - x! * x!);
        gradient[1] = 200 * (y! - x! * x!);
        return (1 - x!) ** 2 + 100 * (y! - x! * x!) ** 2;
      },
      Float64Array.of(-1.2, 1),
      { tolerance: 1e-8 },
    );
    expect(valley.x[0]).toBeCloseTo(1, 6);
    expect(valley.x[1]).toBeCloseTo(1, 6);
    expect(valley.iterations).toBeLessThan(100);
  });
});
