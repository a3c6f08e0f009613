/** The same files given to the `tutti` command: a sentence and an exit status, never a stack. */
import { join } from "node:path";
import { type ErrorCode, TuttiError } from "../../../src/support/errors.ts";
import { tutti } from "../../support/command.ts";
import { copyOf, put, replaced, safetensors, text } from "./bytes.ts";
import type { HostileCase, Place } from "./case.ts";
import { field, gguf, TYPE } from "./gguf-bytes.ts";
import { standIn } from "./places.ts";

const command = (
  name: string,
  args: (place: Place) => readonly string[],
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase => ({
  name: `tutti model ${name}`,
  run: async (place) => {
    const { code, stderr } = await tutti("model", ...args(place));
    const found = /^error ([A-Z_]+): (.*)$/m.exec(stderr);
    if (code === 0) return;
    if (!found || /\n {4}at /.test(stderr)) throw new Error(`exit ${code}: ${stderr}`);
    throw new TuttiError(found[1] as ErrorCode, found[2]!);
  },
  codes,
  mentions,
});

const CLEAR = "\u001b[2J";

export const CASES: readonly HostileCase[] = [
  {
    name: "tutti model inspect: names that clear the screen",
    run: async (place) => {
      const header = { [`evil${CLEAR}`]: { dtype: "F32", shape: [1], data_offsets: [0, 4] } };
      const folder = replaced(place, place.base.model, "model.safetensors", safetensors(header, 4));
      const { stdout, stderr } = await tutti("model", "inspect", folder, "--tensors");
      if (!stdout.includes("evil")) throw new Error(`does not list the tensor: ${stdout}${stderr}`);
      if (`${stdout}${stderr}`.includes(CLEAR)) throw new Error("hands control characters to the terminal");
    },
    codes: [],
    mentions: [],
  },
  command(
    "inspect: a truncated GGUF file",
    (place) => ["inspect", put(place, "model.gguf", gguf({ tensorCount: 2n ** 60n }))],
    ["GGUF_INVALID"],
    "model.gguf",
  ),
  command(
    "inspect: a folder with a damaged header",
    (place) => [
      "inspect",
      replaced(place, place.base.model, "model.safetensors", safetensors("{}", 0, 2n ** 63n)),
    ],
    ["SAFETENSORS_INVALID"],
    "model.safetensors",
  ),
  command(
    "inspect: a pipe for a configuration",
    (place) => {
      const folder = copyOf(place, place.base.model);
      standIn("a pipe without a writer", folder, "config.json");
      return ["inspect", folder];
    },
    ["MODEL_CONFIG_UNSUPPORTED"],
    "config.json",
  ),
  command(
    "convert: a vocabulary that is none",
    (place) => {
      const entries = [field("general.architecture", TYPE.string, text("llama"))];
      const path = put(place, "model.gguf", gguf({ entries }));
      return ["convert", path, "--to", "safetensors", "--out", join(place.folder, "out")];
    },
    ["MODEL_CONFIG_UNSUPPORTED"],
    "model.gguf",
  ),
  command(
    "generate: a template that never ends",
    (place) => {
      const template = "{% for i in range(10**9) %}x{% endfor %}";
      const folder = replaced(
        place,
        place.base.model,
        "tokenizer_config.json",
        JSON.stringify({ chat_template: template, eos_token: null }),
      );
      return ["generate", folder, "Hello", "--chat", "--max-tokens", "1"];
    },
    ["CHAT_TEMPLATE_INVALID"],
    "range()",
  ),
];
