import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCausalModel } from "../../models/index.ts";
import { initialiseParameters } from "../../nn/index.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { RandomStream } from "../../tensor/random.ts";
import type { PromptResponses } from "../rows/prompt-responses.ts";
import { computeReference } from "./compute-reference.ts";

const CONFIG = {
  model_type: "llama",
  vocab_size: 20,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  initializer_range: 0.4,
};
const model = createCausalModel(CONFIG);
const parameters = initialiseParameters(model.specs, 1);
const backend = createOrtBackend({ threads: 1 });
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-reference-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const random = new RandomStream({ seed: 3, stream: 0 });
const words = (count: number) => Int32Array.from({ length: count }, () => random.nextInteger(20));
/** Three blocks, the last not full. */
const groups: PromptResponses[] = Array.from({ length: 600 }, (_, index) => ({
  id: `${index}`,
  promptIds: words(1 + random.nextInteger(4)),
  responses: [words(1 + random.nextInteger(5)), words(1 + random.nextInteger(5))],
}));
const options = () => ({ folder, paddingId: 0, tokensPerRow: 128, rowsPerBatch: 4 });
const only = (): string => join(folder, readdirSync(folder)[0]!);

async function computed(given = groups, weights = parameters) {
  let blocks = 0;
  const file = await computeReference(model, weights, given, backend, {
    ...options(),
    onProgress: () => blocks++,
  });
  const rows = given.map((_, index) => [...file.row(index)]);
  file.close();
  return { blocks, rows };
}

test("is computed once, and goes on behind whatever was cut or spoiled", async () => {
  const { blocks, rows } = await computed();
  expect(blocks).toBe(3);
  expect(rows[0]).toHaveLength(2);
  expect(new Set(rows.flat()).size).toBeGreaterThan(1000);
  expect((await computed()).blocks).toBe(0);
  const whole = readFileSync(only());

  truncateSync(only(), whole.length - 1);
  expect(await computed()).toEqual({ blocks: 1, rows });
  truncateSync(only(), 700);
  expect(await computed()).toEqual({ blocks: 3, rows });
  appendFileSync(only(), "what a dying process left");
  expect(await computed()).toEqual({ blocks: 0, rows });
  const spoiled = Buffer.from(whole);
  spoiled[512 + 2048 + 4 + 9]! ^= 1;
  writeFileSync(only(), spoiled);
  expect(await computed()).toEqual({ blocks: 2, rows });
  expect(readFileSync(only()).equals(whole)).toBe(true);
});

test("an aborted computation keeps its blocks", async () => {
  const controller = new AbortController();
  const stopped = computeReference(model, parameters, groups, backend, {
    ...options(),
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect((await computed()).blocks).toBe(2);
});

test("other weights and other data have other files", async () => {
  const all = async (): Promise<void> => {
    await computed(groups.slice(0, 10));
    await computed(groups.slice(0, 9));
    await computed(groups.slice(0, 10), initialiseParameters(model.specs, 2));
  };
  await all();
  expect(readdirSync(folder)).toHaveLength(3);
  const [first, second] = readdirSync(folder).map((name) => join(folder, name));
  writeFileSync(first!, readFileSync(second!));
  await expect(all()).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
  writeFileSync(first!, "x".repeat(600));
  writeFileSync(second!, "x".repeat(600));
  await expect(all()).rejects.toMatchObject({ code: "FILE_CORRUPT" });
});

test.each([{ rope_theta: 100 }, { rms_norm_eps: 0.1 }, { num_attention_heads: 4, num_key_value_heads: 4 }])(
  "another configuration of the same weights has another file: %o",
  async (change) => {
    const config = { ...CONFIG, num_key_value_heads: 2 };
    const weights = initialiseParameters(createCausalModel(config).specs, 1);
    for (const given of [config, { ...config, ...change }]) {
      const few = groups.slice(0, 2);
      (await computeReference(createCausalModel(given), weights, few, backend, options())).close();
    }
    expect(readdirSync(folder)).toHaveLength(2);
  },
);

describe("positions", () => {
  const long = { id: "long", promptIds: words(20), responses: [words(12), words(11)] };

  test("frequencies that grow with a sequence's length do not see that its row is longer", async () => {
    const dynamic = createCausalModel({ ...CONFIG, rope_scaling: { rope_type: "dynamic", factor: 2 } });
    const rows = async (given: PromptResponses[], tokensPerRow: number) => {
      const file = await computeReference(dynamic, parameters, given, backend, {
        ...options(),
        tokensPerRow,
      });
      const values = given.flatMap((_, index) => [...file.row(index)]);
      file.close();
      return values;
    };
    const together = await rows([long], 64);
    const alone = [];
    for (const response of long.responses) {
      alone.push(...(await rows([{ ...long, responses: [response] }], 32)));
    }
    for (const [index, value] of together.entries()) expect(value).toBeCloseTo(alone[index]!, 5);
  });

  test("an answer beyond the model's positions is refused", async () => {
    const beyond = [{ ...long, responses: [words(13), words(1)] }];
    await expect(computed(beyond)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
