/** Lookahead against PyTorch: labels, routing losses, and tiny CLM and MLM models with every gradient. */
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/ir.ts";
import type { JudgedRecord } from "../../src/judged/record.ts";
import { checkParameters, declareParameters } from "../../src/nn/index.ts";
import { lookaheadDefaults } from "../../src/routing/defaults.ts";
import { benchmarkRanges } from "../../src/routing/labels.ts";
import type { EncodedExample } from "../../src/routing/lookahead/layout.ts";
import { declareRowInputs, routingForward } from "../../src/routing/lookahead/model.ts";
import { routingLoss } from "../../src/routing/lookahead/routing-loss.ts";
import {
  type LookaheadSettings,
  type RoutingLoss,
  settingsSchema,
} from "../../src/routing/lookahead/settings.ts";
import { recordTargets } from "../../src/routing/lookahead/targets.ts";
import { createLookaheadTask } from "../../src/routing/lookahead/task.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { float32 } from "../../src/tensor/host-tensor.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";
import { recordedParameters } from "../support/model-parity.ts";

const backend = createOrtBackend({ threads: 1 });

describe("labels and routing losses", () => {
  const CANDIDATES = ["a", "b", "c", "d"];
  const recorded = fixtureJson<{
    scores: Record<string, number[][]>;
    normalisations: ("dataset" | "prompt")[];
    thresholds: number[];
    temperature: number;
  }>("lookahead/routing-losses.json");
  const fixture = new Fixture("lookahead/routing-losses.safetensors");
  const records: JudgedRecord[] = Object.entries(recorded.scores).flatMap(([benchmark, rows]) =>
    rows.map((scores, index) => ({
      id: `${benchmark} ${index}`,
      benchmark,
      prompt: "prompt",
      candidates: Object.fromEntries(
        CANDIDATES.map((name, t) => [name, { response: "", score: scores[t]! }]),
      ),
    })),
  );
  const cases = recorded.normalisations.flatMap((normalisation) => [
    ...recorded.thresholds.map((labelThreshold) => ({
      name: `${normalisation}.bce-${labelThreshold}`,
      normalisation,
      labelThreshold,
      routingLoss: "bce" as RoutingLoss,
    })),
    ...(["ce", "mse", "kl", "reverse-kl"] as const).map((kind) => ({
      name: `${normalisation}.${kind}`,
      normalisation,
      labelThreshold: 0.8,
      routingLoss: kind as RoutingLoss,
    })),
  ]);

  test.each(cases)("$name: targets, loss, gradient", async ({ name, ...settings }) => {
    const { temperature } = recorded;
    const rows = recordTargets(
      { ...settings, temperature, candidates: CANDIDATES, labels: "relative" },
      records,
      benchmarkRanges(records, CANDIDATES),
    );
    expect(rows.map(({ hasPreference }) => hasPreference)).toEqual([true, true, false, true, true, false]);
    const targets = Float32Array.from(rows.flatMap((row) => [...row.targets]));
    const tolerance = { absolute: 1e-6, relative: 2e-6 };
    expectAllClose(targets, fixture.values(`${name}.targets`), tolerance, "targets");
    const shape = [rows.length, CANDIDATES.length];
    const graph = new Graph();
    const logits = graph.parameter("logits", shape);
    const weights = new Float32Array(targets.length).fill(1 / targets.length);
    const loss = routingLoss(
      settings.routingLoss,
      logits,
      graph.input("targets", "float32", shape),
      graph.constant("float32", shape, weights),
    );
    const executable = await backend.compile(graph, { loss, gradient: gradients(loss, [logits])[0]! });
    const results = await executable.run({
      logits: fixture.float("logits"),
      targets: float32(shape, targets),
    });
    await executable.dispose();
    expectAllClose(results.loss!.data, fixture.values(`${name}.loss`), tolerance, "loss");
    expectAllClose(results.gradient!.data, fixture.values(`${name}.grad`), tolerance, "gradient");
  });
});

interface RecordedModel {
  readonly config: Record<string, unknown>;
  readonly variant: "clm" | "mlm";
  readonly lambda: number;
  readonly maskRate?: number;
  readonly positions?: LookaheadSettings["positions"];
  readonly pooling?: LookaheadSettings["pooling"];
  readonly prediction?: LookaheadSettings["prediction"];
  readonly tokens: LookaheadSettings["tokens"];
  readonly identifiers: number[];
  readonly responseTokens: number;
  readonly prompts: number[][];
  readonly responses: number[][][];
  readonly labels: number[][];
}

/**
 * PyTorch ran one unpadded sequence per prompt and candidate (clm, mlm-separate) or per prompt; ours are padded, and clm
 * computes each prompt once for all candidates. Equal losses and gradients say that neither matters.
 */
describe.each(["clm", "mlm", "mlm-running", "mlm-separate"])("%s", (name) => {
  const recorded = fixtureJson<RecordedModel>(`lookahead/${name}.json`);
  const fixture = new Fixture(`lookahead/${name}.safetensors`);
  const { variant, tokens, responseTokens } = recorded;
  const settings = settingsSchema.parse({
    format: "tutti-lookahead-1",
    variant,
    candidates: ["a", "b", "c"],
    candidateTokenIds: recorded.identifiers,
    backbone: recorded.config,
    responseTokens,
    maxPromptTokens: 32,
    pooling: recorded.pooling ?? "mean",
    prediction: recorded.prediction,
    positions: recorded.positions,
    headDropout: 0,
    responseWeight: 0.5,
    labels: "relative",
    tokenizerSha256: "",
    tokens,
  });
  const examples: EncodedExample[] = recorded.prompts.map((prompt, index) => ({
    recordId: `r${index}`,
    prompt: Int32Array.from(variant === "clm" ? prompt : [tokens.cls, ...prompt, tokens.sep]),
    responses: recorded.responses[index]!.map((response) => ({
      tokens: Int32Array.from(response.slice(0, responseTokens)),
      isComplete: response.length <= responseTokens,
    })),
    labels: Float64Array.from(recorded.labels[index]!),
    weight: 1,
  }));

  test("routing and response loss, every gradient", async () => {
    const training = {
      ...lookaheadDefaults(variant, false),
      batchSize: examples.length,
      epochs: 1,
      lambda: recorded.lambda,
      curriculumStart: recorded.maskRate ?? 1,
      curriculumFraction: 1,
    };
    const task = createLookaheadTask(settings, training, examples);
    const parameters = recordedParameters(fixture);
    checkParameters(task.specs, parameters, name);
    const { bucket, feeds, recordIds } = task.microBatches(0)[0]!;
    expect(recordIds).toHaveLength(2);
    const graph = new Graph();
    const values = declareParameters(graph, task.specs);
    const names = Object.keys(task.specs);
    const { loss, metrics } = task.build(graph, values, bucket);
    const outputs = Object.fromEntries(
      gradients(loss, names.map(values)).map((gradient, index) => [`grad.${names[index]}`, gradient]),
    );
    const executable = await backend.compile(graph, { loss, ...metrics, ...outputs });
    const results = await executable.run({ ...feeds, ...parameters });
    await executable.dispose();
    const close = { absolute: 1e-6, relative: 5e-6 };
    const scalar = (data: ArrayLike<number>, factor: number) => [data[0]! / factor];
    expectAllClose(results.route!.data, fixture.values("loss.route"), close, "route");
    const response = scalar(results.response!.data, recorded.lambda);
    expectAllClose(response, fixture.values("loss.response"), close, "response");
    expectAllClose(results.loss!.data, fixture.values("loss.all"), close, "loss");
    expect(fixture.names("grad.").sort()).toEqual([...names].sort());
    for (const parameter of names) {
      const expected = fixture.values(`grad.${parameter}`);
      const received = results[`grad.${parameter}`]!.data;
      expectAllClose(received, expected, { absolute: 2e-5, relative: 1e-4 }, parameter);
    }
  });

  test("logits", async () => {
    const training = { ...lookaheadDefaults(variant, false), batchSize: examples.length, epochs: 1 };
    const task = createLookaheadTask(
      settings,
      { ...training, curriculumStart: recorded.maskRate ?? 1, curriculumFraction: 1 },
      examples,
    );
    const { bucket, feeds, recordIds } = task.microBatches(0)[0]!;
    const graph = new Graph();
    const inputs = declareRowInputs(graph, settings, bucket.batch!, bucket.tokens!);
    const { logits } = routingForward(settings, declareParameters(graph, task.specs), inputs, false);
    const executable = await backend.compile(graph, { logits });
    const results = await executable.run({ ...feeds, ...recordedParameters(fixture) });
    await executable.dispose();
    const order = recordIds.map((id) => Number(id.slice(1)));
    const all = fixture.values("logits");
    const expected = order.flatMap((row) => all.slice(3 * row, 3 * row + 3));
    expectAllClose(results.logits!.data, expected, { absolute: 2e-5, relative: 1e-4 }, "logits");
  });
});
