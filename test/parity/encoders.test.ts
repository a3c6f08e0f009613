/** Every encoder family against recorded PyTorch runs: hidden states, logits, loss, every gradient, AdamW steps. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Graph, type Value } from "../../src/graph/ir.ts";
import {
  classificationLoss,
  createEncoderModel,
  createSequenceClassifier,
  ENCODER_MODEL_TYPES,
  type EncoderModel,
  maskedCrossEntropy,
  maskedLanguageSpecs,
  maskedLogits,
  type SequenceClassifier,
} from "../../src/models/index.ts";
import {
  declareParameters,
  type ParameterSpecs,
  type ParameterValues,
  paddingBias,
} from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { float32, type HostTensor, int32 } from "../../src/tensor/host-tensor.ts";
import type { Dimension } from "../../src/tensor/shape.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";
import {
  expectRecordedGradients,
  expectRecordedSteps,
  type ParityCase,
  type RecordedRun,
  recordedParameters,
} from "../support/model-parity.ts";

class EncoderCase implements ParityCase {
  readonly name: string;
  readonly recorded: RecordedRun & { readonly task: "masked" | "classification" };
  readonly fixture: Fixture;
  readonly model: EncoderModel;
  readonly classifier: SequenceClassifier | undefined;
  readonly isClassifier: boolean;
  readonly specs: ParameterSpecs;
  readonly feeds: Feeds;

  constructor(name: string) {
    this.name = name;
    this.recorded = fixtureJson(`encoders/${name}.json`);
    this.fixture = new Fixture(`encoders/${name}.safetensors`);
    const { config, task } = this.recorded;
    this.isClassifier = task === "classification";
    this.model = createEncoderModel(config);
    this.classifier = this.isClassifier ? createSequenceClassifier(config) : undefined;
    this.specs = this.classifier?.specs ?? maskedLanguageSpecs(this.model);
    this.feeds = { ...this.tokenFeeds(), ...this.targetFeeds() };
  }

  private tokenFeeds(): Feeds {
    const [ids, mask] = [this.fixture.int("input_ids"), this.fixture.int("attention_mask")];
    const [batch, tokens] = ids.shape as [number, number];
    const positions = Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens);
    return {
      ids,
      positions: int32([batch, tokens], positions),
      bias: paddingBias(mask),
      ...(this.hasTokenTypes && { types: this.fixture.int("token_type_ids") }),
      ...(this.classifier && { pooling: this.classifier.poolingWeights(ids, mask) }),
    };
  }

  /** Masked language models: the labelled positions alone. */
  private targetFeeds(): Feeds {
    if (this.classifier?.problem === "single-label") return { labels: this.fixture.int("labels") };
    if (this.classifier) return { labels: this.fixture.float("labels") };
    const labels = Array.from(this.fixture.int("labels").data);
    const where = labels.flatMap((label, flat) => (label >= 0 ? [flat] : []));
    const asked = Int32Array.from(where, (flat) => labels[flat]!);
    return {
      where: int32([where.length], Int32Array.from(where)),
      labels: int32([where.length], asked),
      scale: float32([], [1 / where.length]),
    };
  }

  get hasTokenTypes(): boolean {
    return this.fixture.names("token_type_ids").length > 0;
  }

  encode(graph: Graph, parameters: ParameterValues, batch: Dimension, tokens: Dimension): Value {
    const ids = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
    const inputs = {
      inputIds: ids("ids"),
      positionIds: ids("positions"),
      ...(this.hasTokenTypes && { tokenTypeIds: ids("types") }),
      attentionBias: graph.input("bias", "float32", [batch, 1, 1, tokens]),
    };
    return this.model.encode(parameters, inputs, { isTraining: true });
  }

  build(graph: Graph, parameters: ParameterValues): { hidden: Value; logits: Value; loss: Value } {
    const input = (name: string): Value =>
      graph.input(name, (this.feeds[name] as HostTensor).dtype, (this.feeds[name] as HostTensor).shape);
    const [batch, tokens] = this.fixture.shape("input_ids") as [number, number];
    const hidden = this.encode(graph, parameters, batch, tokens);
    if (this.classifier) {
      const logits = this.classifier.logits(parameters, hidden, input("pooling"), { isTraining: true });
      return { hidden, logits, loss: classificationLoss(this.classifier.problem, logits, input("labels")) };
    }
    const targets = { positions: input("where"), labels: input("labels"), scale: input("scale") };
    return {
      hidden,
      logits: maskedLogits(this.model, parameters, hidden),
      loss: maskedCrossEntropy(this.model, parameters, hidden, targets),
    };
  }
}

const CASES = readdirSync(join(FIXTURES, "encoders"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => new EncoderCase(file.slice(0, -".json".length)));

test("every family has a masked language model, a classifier and optimiser steps", () => {
  const types = (cases: EncoderCase[]) => [...new Set(cases.map(({ model }) => model.modelType))].sort();
  const known = [...ENCODER_MODEL_TYPES].sort();
  expect(types(CASES.filter(({ isClassifier }) => !isClassifier))).toEqual(known);
  expect(types(CASES.filter(({ isClassifier }) => isClassifier))).toEqual(known);
  expect(types(CASES.filter(({ recorded }) => recorded.optimizer))).toEqual(known);
});

test.each(CASES)("$name: a config.json saved by transformers means the same", ({ recorded, model }) => {
  expect(createEncoderModel(recorded.savedConfig).config).toEqual(model.config);
  const [ours, saved] = [recorded.config, recorded.savedConfig].map(createSequenceClassifier);
  expect([saved!.labels, saved!.problem]).toEqual([ours!.labels, ours!.problem]);
});

describe.each([createOrtBackend({ threads: 1 }), createReferenceBackend()])("$name", (backend: Backend) => {
  test.each(CASES)("$name: hidden states, logits, loss and every gradient", (parity) =>
    expectRecordedGradients(backend, parity),
  );
});

describe("ten AdamW steps through the training loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-encoders-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(CASES.filter(({ recorded }) => recorded.optimizer))("$name", (parity) =>
    expectRecordedSteps(parity, folder),
  );
});

test.each(CASES.filter(({ name }) => ["bert-classifier", "modernbert"].includes(name)))(
  "$name: one graph of symbolic batch and length gives the recorded hidden states, row by row too",
  async (parity) => {
    const { fixture, model } = parity;
    const graph = new Graph();
    const hidden = parity.encode(graph, declareParameters(graph, model.specs), "batch", "tokens");
    expect(hidden.shape).toEqual(["batch", "tokens", model.config.hiddenSize]);
    const executable = await createOrtBackend({ threads: 1 }).compile(graph, { hidden });
    const parameters = Object.fromEntries(
      Object.entries(recordedParameters(fixture)).filter(([name]) => name in model.specs),
    );
    const mask = fixture.int("attention_mask");
    const [rows, width] = mask.shape as [number, number];
    const expected = fixture.values("last_hidden_state");
    const perRow = width * model.config.hiddenSize;
    for (let row = 0; row < rows; row++) {
      const length = mask.data.subarray(row * width, (row + 1) * width).filter(Boolean).length;
      const cut = (name: string): HostTensor =>
        int32([1, length], (parity.feeds[name]!.data as Int32Array).slice(row * width, row * width + length));
      const results = await executable.run({
        ...parameters,
        ids: cut("ids"),
        positions: cut("positions"),
        ...(parity.hasTokenTypes && { types: cut("types") }),
        bias: float32([1, 1, 1, length]),
      });
      const wanted = expected.slice(row * perRow, row * perRow + length * model.config.hiddenSize);
      expectAllClose(results.hidden!.data, wanted, { absolute: 2e-5, relative: 1e-4 }, `row ${row}`);
    }
    await executable.dispose();
  },
);
