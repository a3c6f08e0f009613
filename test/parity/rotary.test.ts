/** Rotary frequencies against those recorded from Transformers, through config.json. */
import { describe, expect, test } from "vitest";
import { parseLlamaConfig } from "../../src/models/index.ts";
import { rotaryAttentionFactor, rotaryFrequencies } from "../../src/nn/rotary-frequencies.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";

interface RotaryCase {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly positions: number;
  readonly attentionFactor: number;
  readonly frequencies: number[];
}
const CASES = fixtureJson<RotaryCase[]>("nn/rotary.json");

test.each(CASES)("$name", ({ name, config, positions, attentionFactor, frequencies }) => {
  const { rotary, headWidth } = parseLlamaConfig(config);
  const received = rotaryFrequencies(rotary, headWidth, positions);
  expectAllClose(received, frequencies, { absolute: 0, relative: 1e-6 }, name);
  expect(rotaryAttentionFactor(rotary)).toBeCloseTo(attentionFactor, 12);
});

test("every kind of scaling is recorded", () => {
  const kinds = new Set(CASES.map(({ config }) => parseLlamaConfig(config).rotary.kind));
  expect([...kinds].sort()).toEqual(["default", "dynamic", "linear", "llama3", "yarn"]);
});

describe("refused", () => {
  const plain = CASES[0]!.config;
  test.each<[string, Record<string, unknown>, string]>([
    ["an unknown kind", { rope_scaling: { rope_type: "longrope", factor: 2 } }, "rope_type"],
    ["a missing factor", { rope_scaling: { rope_type: "linear" } }, "factor"],
    [
      "a key of another kind",
      { rope_scaling: { rope_type: "linear", factor: 2, beta_fast: 3 } },
      "beta_fast",
    ],
    ["an unknown key", { rope_scaling: { type: "dynamic", factor: 2, mrope_section: [1] } }, "mrope_section"],
    ["a missing ramp", { rope_scaling: { rope_type: "llama3", factor: 8 } }, "low_freq_factor"],
    ["text for a number", { rope_parameters: { rope_theta: "1e4" } }, "rope_theta"],
    ["partly rotated heads", { partial_rotary_factor: 0.5 }, "partial_rotary_factor"],
    [
      "partly rotated heads, nested",
      { rope_parameters: { partial_rotary_factor: 0.5 } },
      "partial_rotary_factor",
    ],
    ["a list", { rope_scaling: [] }, "rope_scaling"],
  ])("%s", (_name, keys, key) => {
    let thrown: unknown;
    try {
      parseLlamaConfig({ ...plain, ...keys });
    } catch (error) {
      thrown = error;
    }
    expect(TuttiError.is(thrown) && [thrown.code, thrown.details.key]).toEqual([
      "MODEL_CONFIG_UNSUPPORTED",
      key,
    ]);
  });
});
