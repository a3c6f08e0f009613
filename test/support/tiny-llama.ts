/** The recorded tiny Llama as a graph: hidden states, logits and loss on the fixture's inputs. */
import type { Graph, Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  llamaDecoder,
  llamaHead,
  llamaLogits,
  llamaSpecs,
  parseLlamaConfig,
} from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import type { Parameters, ParameterValues } from "../../src/nn/index.ts";
import type { Feeds } from "../../src/runtime/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { Fixture, fixtureJson } from "./fixtures.ts";

const fixture = new Fixture("models/tiny-llama.safetensors");
export const tinyLlamaConfig = parseLlamaConfig(fixtureJson("models/tiny-llama.config.json"));
export const tinyLlamaSpecs = llamaSpecs(tinyLlamaConfig);
const [batch, tokens] = fixture.shape("input_ids") as [number, number];

export const tinyLlamaParameters = (): Parameters =>
  Object.fromEntries(fixture.names("param.").map((name) => [name, fixture.float(`param.${name}`)]));

function attentionBias(): Float32Array {
  const { data } = fixture.int("attention_mask");
  return Float32Array.from({ length: batch * tokens * tokens }, (_, flat) => {
    const key = flat % tokens;
    const query = Math.floor(flat / tokens) % tokens;
    return key > query || data[Math.floor(flat / tokens / tokens) * tokens + key] === 0 ? MASKED_BIAS : 0;
  });
}

export function tinyLlamaFeeds(): Feeds {
  const labels = fixture.int("target_labels").data as Int32Array;
  return {
    ids: fixture.int("input_ids"),
    positions: fixture.int("position_ids"),
    bias: float32([batch, 1, tokens, tokens], attentionBias()),
    labels: int32([batch * tokens], labels),
    scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
  };
}

export function buildTinyLlama(graph: Graph, parameters: ParameterValues): { logits: Value; loss: Value } {
  const hidden = llamaDecoder(tinyLlamaConfig, parameters, {
    inputIds: graph.input("ids", "int32", [batch, tokens]),
    positionIds: graph.input("positions", "int32", [batch, tokens]),
    attentionBias: graph.input("bias", "float32", [batch, 1, tokens, tokens]),
  });
  const loss = vocabularyCrossEntropy({
    hidden,
    labels: graph.input("labels", "int32", [batch * tokens]),
    weight: llamaHead(tinyLlamaConfig, parameters),
    scale: graph.input("scale", "float32", []),
  });
  return { logits: llamaLogits(tinyLlamaConfig, parameters, hidden), loss };
}

/** The rows of [batch, tokens, width] that are no padding: PyTorch's padded rows differ harmlessly. */
export function meaningfulRows(data: ArrayLike<number>): number[] {
  const { data: mask } = fixture.int("attention_mask");
  const width = data.length / mask.length;
  return Array.from(data).filter((_, flat) => mask[Math.floor(flat / width)] !== 0);
}
