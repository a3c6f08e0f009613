import { expect, test } from "vitest";
import { TINY_GPT2, TINY_MODERNBERT, tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import { smallBackboneConfig } from "./backbone.ts";
import { lookaheadSpecs } from "./model.ts";
import type { Variant } from "./settings.ts";
import { tunedParameters } from "./tuned-layers.ts";

const gemma = {
  ...smallBackboneConfig("clm", 64),
  model_type: "gemma3_text",
  head_dim: 32,
  sliding_window: 3,
};

test.each([
  ["mlm", smallBackboneConfig("mlm", 64), /encoder\.layer\.0\.|embeddings/],
  ["mlc", TINY_MODERNBERT, /layers\.[01]\.|embeddings/],
  ["clm", smallBackboneConfig("clm", 64), /layers\.0\.|embed_tokens/],
  ["clm", { ...smallBackboneConfig("clm", 64), tie_word_embeddings: false }, /layers\.0\.|embed_tokens/],
  ["clm", gemma, /layers\.0\.|embed_tokens/],
  ["clm", TINY_GPT2, /h\.0\.|wte|wpe/],
] as [Variant, Record<string, unknown>, RegExp][])(
  "%s: what lies below the last layer stays, the rest learns",
  (variant, backbone, below) => {
    const settings = tinyLookahead({ variant, backbone });
    const names = Object.keys(lookaheadSpecs(settings));
    const tuned = tunedParameters(settings, 1);
    expect(tuned).toEqual(names.filter((name) => !below.test(name)));
    expect(tuned.length).toBeGreaterThan(8);
    expect(names.length - tuned.length).toBeGreaterThan(8);
  },
);

test("more layers than there are are refused", () => {
  expect(() => tunedParameters(tinyLookahead({ variant: "mlm" }), 3)).toThrow(
    "3 layers are to be tuned, expected at most the backbone's 2",
  );
});
