/** Every decoder family against recorded PyTorch runs: hidden states, logits, loss, every gradient, AdamW steps. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Graph, Value } from "../../src/graph/ir.ts";
import {
  CAUSAL_MODEL_TYPES,
  type CausalModel,
  causalCrossEntropy,
  causalLogits,
  classificationLoss,
  createCausalModel,
  createSequenceClassifier,
  readLabelCount,
  type SequenceClassifier,
} from "../../src/models/index.ts";
import { causalBias, type ParameterSpecs, type ParameterValues } from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";
import {
  expectRecordedGradients,
  expectRecordedSteps,
  type ParityCase,
  type RecordedRun,
} from "../support/model-parity.ts";

interface Recorded extends RecordedRun {
  readonly isClassifier: boolean;
}

/** Next-token labels are shifted by one: the label of position t is predicted at t - 1. */
function shiftedLabels(fixture: Fixture): Int32Array {
  const labels = fixture.int("labels");
  const [batch, tokens] = labels.shape as [number, number];
  return Int32Array.from({ length: batch * tokens }, (_, flat) =>
    flat % tokens === tokens - 1 ? -100 : Number(labels.data[flat + 1]),
  );
}

class DecoderCase implements ParityCase {
  readonly recorded: Recorded;
  readonly fixture: Fixture;
  readonly model: CausalModel;
  readonly classifier: SequenceClassifier | undefined;
  readonly specs: ParameterSpecs;
  readonly feeds: Feeds;
  readonly isClassifier: boolean;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.recorded = fixtureJson<Recorded>(`decoders/${name}.json`);
    this.fixture = new Fixture(`decoders/${name}.safetensors`);
    const { config, isClassifier } = this.recorded;
    this.isClassifier = isClassifier;
    this.model = createCausalModel(config);
    this.classifier = isClassifier ? createSequenceClassifier(config) : undefined;
    this.specs = (this.classifier ?? this.model).specs;
    const [ids, mask] = [this.fixture.int("input_ids"), this.fixture.int("attention_mask")];
    const labels = isClassifier
      ? (this.fixture.int("labels").data as Int32Array)
      : shiftedLabels(this.fixture);
    this.feeds = {
      ids,
      positions: this.fixture.int("position_ids"),
      bias: causalBias(mask),
      labels: int32([labels.length], labels),
      scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
      ...(this.classifier && { last: this.classifier.poolingWeights(ids, mask) }),
    };
  }

  build(graph: Graph, parameters: ParameterValues): { hidden: Value; logits: Value; loss: Value } {
    const [batch, tokens] = this.fixture.shape("input_ids") as [number, number];
    const positions = this.feeds.positions!;
    const hidden = this.model.decoder(
      parameters,
      {
        inputIds: graph.input("ids", "int32", [batch, tokens]),
        positionIds: graph.input("positions", "int32", [batch, tokens]),
        attentionBias: graph.input("bias", "float32", [batch, 1, tokens, tokens]),
        positions: Math.max(...(positions.data as Int32Array)) + 1,
      },
      { isTraining: true },
    );
    const labels = graph.input("labels", "int32", this.feeds.labels!.shape);
    const scale = graph.input("scale", "float32", []);
    if (this.classifier) {
      const last = graph.input("last", "float32", [batch, 1, tokens]);
      const logits = this.classifier.logits(parameters, hidden, last);
      return { hidden, logits, loss: classificationLoss(this.classifier.problem, logits, labels) };
    }
    return {
      hidden,
      logits: causalLogits(this.model, parameters, hidden),
      loss: causalCrossEntropy(this.model, parameters, hidden, { labels, scale }),
    };
  }
}

const CASES = readdirSync(join(FIXTURES, "decoders"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => new DecoderCase(file.slice(0, -".json".length)));

test("every family has a case with gradients and one with optimiser steps", () => {
  const types = (cases: DecoderCase[]) => [...new Set(cases.map(({ model }) => model.modelType))].sort();
  expect(types(CASES)).toEqual([...CAUSAL_MODEL_TYPES].sort());
  expect(types(CASES.filter(({ recorded }) => recorded.optimizer))).toEqual([...CAUSAL_MODEL_TYPES].sort());
});

test.each(CASES)("$name: a config.json saved by transformers means the same", ({ recorded, model }) => {
  expect(createCausalModel(recorded.savedConfig).config).toEqual(model.config);
  expect(readLabelCount(recorded.savedConfig)).toBe(readLabelCount(recorded.config));
});

describe.each([createOrtBackend({ threads: 1 }), createReferenceBackend()])("$name", (backend: Backend) => {
  test.each(CASES)("$name: hidden states, logits, loss and every gradient", (parity) =>
    expectRecordedGradients(backend, parity),
  );
});

describe("ten AdamW steps through the training loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-decoders-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(CASES.filter(({ recorded }) => recorded.optimizer))("$name", (parity) =>
    expectRecordedSteps(parity, folder),
  );
});
