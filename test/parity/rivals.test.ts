/** Losses and gradients of the learned routers' heads against PyTorch, logistic regression against scikit-learn. */
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/ir.ts";
import { declareParameters, type Parameters } from "../../src/nn/index.ts";
import type { Head } from "../../src/routing/baselines/learned/head-training.ts";
import { IrtRouter, irtHead, itemResponseModelOf } from "../../src/routing/baselines/learned/irt-router.ts";
import { fitLogistic } from "../../src/routing/baselines/learned/logistic.ts";
import {
  MatrixFactorisationRouter,
  matrixFactorisationHead,
  matrixFactorisationOf,
} from "../../src/routing/baselines/learned/matrix-factorisation-router.ts";
import {
  dualEncoderOf,
  ROUTER_DC_LOSS,
  RouterDcRouter,
  routerDcHead,
} from "../../src/routing/baselines/learned/router-dc-router.ts";
import { ZooterRouter, zooterHead } from "../../src/routing/baselines/learned/zooter-router.ts";
import type { Embedder } from "../../src/routing/embedding/index.ts";
import type { Router } from "../../src/routing/router.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { expectAllClose, Fixture } from "../support/fixtures.ts";

const backend = createOrtBackend({ threads: 1 });
const TOLERANCE = { absolute: 2e-6, relative: 2e-5 };
const heads = new Fixture("routing/heads.safetensors");
const DIMENSION = 6;
const WIDTH = 4;

function scoresOf(name: string): Float64Array[] {
  const [rows, width] = heads.shape(`${name}.scores`) as [number, number];
  const values = heads.values(`${name}.scores`);
  return Array.from({ length: rows }, (_, row) =>
    Float64Array.from(values.slice(row * width, (row + 1) * width)),
  );
}

const CASES: Readonly<Record<string, (scores: Float64Array[]) => Head>> = {
  "zooter-forward": (scores) => zooterHead(scores, DIMENSION, { temperature: 0.1, direction: "forward" }),
  "zooter-reverse": (scores) => zooterHead(scores, DIMENSION, { temperature: 0.1, direction: "reverse" }),
  "matrix-factorisation": (scores) => matrixFactorisationHead(scores, DIMENSION, WIDTH),
  irt: (scores) => irtHead(scores, DIMENSION, WIDTH),
  "router-dc": (scores) =>
    routerDcHead(scores, new Uint32Array(scores.length), DIMENSION, { ...ROUTER_DC_LOSS, width: WIDTH }),
};

/** "CASE ROW" is embedded as that row of the case's prompts. */
const embedder: Embedder = {
  kind: "fixture",
  dimension: DIMENSION,
  embed: async (texts) =>
    texts.map((text) => {
      const [name, row] = text.split(" ") as [string, string];
      return heads
        .float(`${name}.prompts`)
        .data.slice(Number(row) * DIMENSION, (Number(row) + 1) * DIMENSION);
    }),
};
const PROMPTS = ["0", "1", "2", "3", "4", "5", "6"];
const CANDIDATES = ["a", "b", "c", "d", "e"];

const zooter = (parameters: Parameters): Router =>
  new ZooterRouter(CANDIDATES, embedder, {
    weights: parameters["head.weight"]!.data,
    intercepts: parameters["head.bias"]!.data,
  });

const ROUTERS: Readonly<Record<string, (parameters: Parameters) => Router>> = {
  "zooter-forward": zooter,
  "zooter-reverse": zooter,
  "matrix-factorisation": (parameters) =>
    new MatrixFactorisationRouter(CANDIDATES, embedder, matrixFactorisationOf(parameters)),
  irt: (parameters) => new IrtRouter(CANDIDATES, embedder, itemResponseModelOf(parameters)),
  "router-dc": (parameters) => new RouterDcRouter(CANDIDATES, embedder, dualEncoderOf(parameters)),
};

describe.each(Object.entries(CASES))("%s", (name, build) => {
  test("scores of the router", async () => {
    const names = Object.keys(build(scoresOf(name)).specs);
    const parameters = Object.fromEntries(names.map((key) => [key, heads.float(`${name}.${key}`)]));
    const router = ROUTERS[name]!(parameters);
    const rows = await router.scores(PROMPTS.map((prompt) => ({ id: prompt, prompt: `${name} ${prompt}` })));
    const received = rows.flatMap((row) => [...row]);
    expectAllClose(received, heads.values(`${name}.router_scores`), TOLERANCE, `${name} scores`);
  });

  test("loss and every gradient", async () => {
    const scores = scoresOf(name);
    const head = build(scores);
    const names = Object.keys(head.specs);
    expect(heads.names(`${name}.grad.`).sort()).toEqual([...names].sort());
    const graph = new Graph();
    const parameters = declareParameters(graph, head.specs);
    const loss = head.loss(parameters, graph.input("prompts", "float32", [scores.length, DIMENSION]));
    const found = gradients(loss, names.map(parameters));
    const outputs = Object.fromEntries(names.map((parameter, index) => [`grad.${parameter}`, found[index]!]));
    const executable = await backend.compile(graph, { loss, ...outputs });
    const rows = Uint32Array.from({ length: scores.length }, (_, row) => row);
    const feeds: Record<string, ReturnType<Fixture["float"]>> = {
      prompts: heads.float(`${name}.prompts`),
      ...(head.feeds(rows, new RandomStream({ seed: 0, stream: 0 })) as object),
    };
    for (const parameter of names) feeds[parameter] = heads.float(`${name}.${parameter}`);
    // The partners of the sample-sample loss are drawn at random; the fixture names its own.
    for (const mask of ["positive_prompts", "negative_prompts"].filter((key) => key in feeds)) {
      feeds[mask] = heads.float(`${name}.${mask}`);
    }
    const results = await executable.run(feeds);
    await executable.dispose();
    expectAllClose(
      results.loss!.data as Float32Array,
      heads.values(`${name}.loss`),
      TOLERANCE,
      `${name} loss`,
    );
    for (const parameter of names) {
      const expected = heads.values(`${name}.grad.${parameter}`);
      expectAllClose(
        results[`grad.${parameter}`]!.data as Float32Array,
        expected,
        TOLERANCE,
        `${name} gradient of ${parameter}`,
      );
    }
  });
});

describe("logistic regression with soft targets", () => {
  const fixture = new Fixture("routing/logistic.safetensors");
  const [rows, features] = fixture.shape("x") as [number, number];
  const problem = {
    rows,
    features,
    x: Float64Array.from(fixture.values("x")),
    y: Float64Array.from(fixture.values("y")),
  };

  test.each([10, 1, 0.01])("coefficients at lambda %s", (lambda) => {
    const fit = fitLogistic(problem, lambda, { tolerance: 1e-9 });
    const expected = fixture.values(`coefficients.${lambda}`);
    expectAllClose(fit, expected, TOLERANCE, `logistic lambda ${lambda}`);
  });
});
