/** What each variant promises about the pool of candidates, on random models, prompts, orders and pools. */
import { afterAll, describe, expect, test } from "vitest";
import { TINY_GPT2, TINY_MODERNBERT, tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import { initialiseParameters, type Parameters } from "../../nn/index.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { float32 } from "../../tensor/host-tensor.ts";
import { permutation, RandomStream } from "../../tensor/random.ts";
import { defaultTokenizerPath, loadTokenizer } from "../../text/index.ts";
import { LookaheadRouter } from "./lookahead-router.ts";
import { lookaheadSpecs } from "./model.ts";
import { selectCandidates } from "./select-candidates.ts";
import type { LookaheadSettings } from "./settings.ts";

const CANDIDATES = ["a", "b", "c", "d", "e"];

interface Variation {
  readonly name: string;
  readonly changes: Partial<LookaheadSettings> & Pick<LookaheadSettings, "variant">;
  readonly keepsOrder: boolean;
  readonly ignoresPool: boolean;
}

const VARIATIONS: readonly Variation[] = [
  { name: "clm", changes: { variant: "clm" }, keepsOrder: true, ignoresPool: true },
  {
    name: "clm, gpt2",
    changes: { variant: "clm", backbone: TINY_GPT2 },
    keepsOrder: true,
    ignoresPool: true,
  },
  {
    name: "clm, running positions",
    changes: { variant: "clm", positions: "running" },
    keepsOrder: false,
    ignoresPool: false,
  },
  { name: "joint mlm", changes: { variant: "mlm" }, keepsOrder: true, ignoresPool: false },
  {
    name: "joint mlm, modernbert, cls",
    changes: { variant: "mlm", backbone: TINY_MODERNBERT, pooling: "cls" },
    keepsOrder: true,
    ignoresPool: false,
  },
  {
    name: "joint mlm, blocks, running positions",
    changes: { variant: "mlm", pooling: "blocks", positions: "running" },
    keepsOrder: false,
    ignoresPool: false,
  },
  {
    name: "separate mlm",
    changes: { variant: "mlm", prediction: "separate" },
    keepsOrder: true,
    ignoresPool: true,
  },
  {
    name: "separate mlm, modernbert",
    changes: { variant: "mlm", prediction: "separate", backbone: TINY_MODERNBERT },
    keepsOrder: true,
    ignoresPool: true,
  },
  { name: "mlc", changes: { variant: "mlc" }, keepsOrder: true, ignoresPool: true },
];

describe.each(VARIATIONS)("$name", ({ changes, keepsOrder, ignoresPool }) => {
  const settings = tinyLookahead({ candidates: CANDIDATES, maxPromptTokens: 24, ...changes });
  const parameters = spread(initialiseParameters(lookaheadSpecs(settings), 11));
  const tokenizer = loadTokenizer(defaultTokenizerPath);
  const backend = createOrtBackend({ threads: 1 });
  const routers: LookaheadRouter[] = [];
  afterAll(async () => {
    for (const router of routers) await router.dispose();
  });

  async function scoresFor(indices: readonly number[], prompts: readonly Int32Array[]) {
    const selected = selectCandidates(settings, parameters, indices);
    const router = new LookaheadRouter("r", selected.settings, selected.parameters, tokenizer, backend);
    routers.push(router);
    return router.scoresOfPrompts(prompts);
  }

  const random = new RandomStream({ seed: 5, stream: 1 });
  const prompts = Array.from({ length: 6 }, () =>
    Int32Array.from({ length: 3 + random.nextInteger(20) }, () => 10 + random.nextInteger(54)),
  );

  /** Largest change of any candidate's score between the whole pool and the candidates at `indices`. */
  async function largestChange(indices: readonly number[]): Promise<number> {
    const whole = await scoresFor([0, 1, 2, 3, 4], prompts);
    const selected = await scoresFor(indices, prompts);
    return Math.max(
      ...selected.flatMap((row, prompt) =>
        indices.map((index, place) => Math.abs(row[place]! - whole[prompt]![index]!)),
      ),
    );
  }

  test("candidates do not all score the same", async () => {
    const [row] = await scoresFor([0, 1, 2, 3, 4], prompts);
    expect(Math.max(...row!) - Math.min(...row!)).toBeGreaterThan(0.01);
  });

  test(`scores ${keepsOrder ? "follow" : "do not follow"} their candidates into another order`, async () => {
    for (const stream of [1, 2, 3]) {
      const order = [...permutation(CANDIDATES.length, { seed: 9, stream })];
      const change = await largestChange(order);
      if (keepsOrder) expect(change).toBeLessThan(2e-5);
      else expect(change).toBeGreaterThan(1e-3);
    }
  });

  test(`scores ${ignoresPool ? "do not depend" : "depend"} on who else is in the pool`, async () => {
    for (const stream of [4, 5, 6]) {
      const pool = [...permutation(CANDIDATES.length, { seed: 9, stream })].slice(0, 2 + (stream % 3));
      const change = await largestChange(pool);
      if (ignoresPool) expect(change).toBeLessThan(2e-5);
      else expect(change).toBeGreaterThan(1e-3);
    }
  });
});

/** Weights far from their usual small start, so that candidates and places differ clearly. */
function spread(parameters: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [
      name,
      float32(shape, shape.length > 1 ? data.map((value) => 8 * value) : data.slice()),
    ]),
  );
}

test("a selection must name two or more of the candidates, each once", () => {
  const settings = tinyLookahead({ variant: "clm", candidates: CANDIDATES });
  for (const indices of [[0], [0, 0], [0, 5], [0, 0.5]])
    expect(() => selectCandidates(settings, {}, indices)).toThrow(/two or more different indices below 5/);
});
