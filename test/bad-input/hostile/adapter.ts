/** Adapters in the files of the peft library: configuration and weights. */
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { loadPeftAdapter } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { readSafetensors, type TensorToWrite, writeSafetensors } from "../../../src/weights/index.ts";
import { causalModel } from "./base.ts";
import { changed, copyOf, nested, replaced, safetensors } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { NO_FILES, standIn, withoutPermission } from "./places.ts";

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";
const UNSUPPORTED: readonly ErrorCode[] = ["MODEL_CONFIG_UNSUPPORTED"];
const MISFIT: readonly ErrorCode[] = ["WEIGHTS_MISMATCH"];

const open = (folder: string): unknown => loadPeftAdapter(folder, causalModel.specs);

const key = (name: string, value: unknown, codes = UNSUPPORTED): HostileCase => ({
  name: `${name}: ${shown(value, 60)}`,
  run: (place) => open(changed(place, place.base.adapter, CONFIG_FILE, { [name]: value })),
  codes,
  mentions: codes === UNSUPPORTED ? [CONFIG_FILE, `"${name}"`] : [WEIGHTS_FILE],
});

const KEYS: readonly HostileCase[] = [
  ...[undefined, null, 0, -2, 1.5, "2", [2], 1e300 + 0.5].map((value) =>
    key("r", value, value === 1e300 + 0.5 ? MISFIT : UNSUPPORTED),
  ),
  key("r", 3, MISFIT),
  key("r", 1e12, MISFIT),
  ...[undefined, null, 0, -1, "4", [4], {}].map((value) => key("lora_alpha", value)),
  ...[1, -0.1, "0.1", [0]].map((value) => key("lora_dropout", value)),
  ...[undefined, "IA3", "__proto__", 5].map((value) => key("peft_type", value)),
  ...["all", "lora_only", 5].map((value) => key("bias", value)),
  key("use_rslora", "yes"),
  key("use_dora", 1),
  key("use_dora", true, MISFIT),
  key("modules_to_save", ["lm_head"]),
  key("rank_pattern", { q_proj: 1e12 }),
  key("layer_replication", [[0, 1_000_000]]),
  {
    name: "lora_alpha without end",
    run: (place) =>
      open(replaced(place, place.base.adapter, CONFIG_FILE, '{"peft_type":"LORA","r":2,"lora_alpha":1e999}')),
    codes: UNSUPPORTED,
    mentions: [CONFIG_FILE, "lora_alpha"],
  },
];

const content = (name: string, value: () => string | Uint8Array): HostileCase => ({
  name: `configuration: ${name}`,
  run: (place) => open(replaced(place, place.base.adapter, CONFIG_FILE, value())),
  codes: ["FILE_CORRUPT"],
  mentions: [CONFIG_FILE],
});

const CONTENTS: readonly HostileCase[] = [
  content("null", () => "null"),
  content("a list", () => "[]"),
  content("not JSON", () => "{r: 2}"),
  content("cut", () => '{"r": 2'),
  content("not UTF-8", () => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  content("100,000 lists in one another", () => `{"r":${nested(100_000)}}`),
  ...[CONFIG_FILE, WEIGHTS_FILE].flatMap((file) =>
    Object.keys(NO_FILES).map(
      (kind): HostileCase => ({
        name: `instead of ${file}: ${kind}`,
        run: (place) => {
          const folder = copyOf(place, place.base.adapter);
          standIn(kind, folder, file);
          open(folder);
        },
        codes: kind === "a link to itself" ? ["FILE_NOT_FOUND"] : ["FILE_CORRUPT", "SAFETENSORS_INVALID"],
        mentions: [file],
      }),
    ),
  ),
  {
    name: "a configuration that may not be read",
    run: (place) => {
      const folder = copyOf(place, place.base.adapter);
      withoutPermission(join(folder, CONFIG_FILE), () => open(folder));
    },
    codes: ["FILE_CORRUPT"],
    mentions: [CONFIG_FILE, "EACCES"],
  },
];

/** The adapter's tensors after `harm` was done to the list. */
const weights = (
  name: string,
  harm: (tensors: TensorToWrite[]) => TensorToWrite[],
  ...mentions: string[]
): HostileCase => ({
  name: `weights: ${name}`,
  run: (place) => {
    const folder = copyOf(place, place.base.adapter);
    const path = join(folder, WEIGHTS_FILE);
    writeSafetensors(path, harm([...readSafetensors(path).tensors.values()]));
    open(folder);
  },
  codes: MISFIT,
  mentions: [WEIGHTS_FILE, ...mentions],
});

const vector = (name: string, length = 2): TensorToWrite => {
  return { name, dtype: "F32", shape: [length], data: new Float32Array(length) };
};
const Q = "base_model.model.model.layers.0.self_attn.q_proj";

const WEIGHTS: readonly HostileCase[] = [
  weights("none", () => []),
  weights(
    "half of a pair",
    (tensors) => tensors.filter(({ name }) => name !== `${Q}.lora_B.weight`),
    "lora_B",
  ),
  weights("a tensor too many", (tensors) => [...tensors, vector("evil")], "evil"),
  weights("a tensor called __proto__", (tensors) => [...tensors, vector("__proto__")], "__proto__"),
  weights(
    "a module of no model",
    (tensors) => [...tensors, vector("base_model.model.evil.lora_A.weight")],
    "evil",
  ),
  weights("a module without a name", (tensors) => [...tensors, vector("base_model.model..lora_A.weight")]),
  weights(
    "a module called constructor",
    (tensors) => [...tensors, vector("base_model.model.constructor.lora_A.weight")],
    "constructor",
  ),
  weights(
    "a norm with an adapter",
    (tensors) => [...tensors, vector("base_model.model.model.norm.lora_A.weight")],
    "model.norm",
  ),
  weights(
    "a vector where a matrix should be",
    (tensors) =>
      tensors.map((tensor) => (tensor.name === `${Q}.lora_A.weight` ? vector(tensor.name, 32) : tensor)),
    "lora_A",
  ),
  weights(
    "integers",
    (tensors) =>
      tensors.map((tensor) =>
        tensor.name === `${Q}.lora_A.weight`
          ? { name: tensor.name, dtype: "I32", shape: tensor.shape, data: new Int32Array(32) }
          : tensor,
      ),
    "I32",
  ),
  {
    name: "weights: a terabyte of holes for a tensor",
    run: (place) => {
      const bytes = 2 ** 40;
      const header = {
        [`${Q}.lora_A.weight`]: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] },
      };
      const file = safetensors(header, 0);
      const folder = replaced(place, place.base.adapter, WEIGHTS_FILE, file);
      truncateSync(join(folder, WEIGHTS_FILE), file.length + bytes);
      open(folder);
    },
    codes: MISFIT,
    mentions: [WEIGHTS_FILE, "lora_A"],
  },
];

export const CASES: readonly HostileCase[] = [...KEYS, ...CONTENTS, ...WEIGHTS];
