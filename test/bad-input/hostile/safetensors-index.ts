/** The index of a checkpoint in several files: places outside of the folder, files that are none, JSON. */
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCausalModel, openModelFiles } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { openShardedSafetensors, openWeights } from "../../../src/weights/index.ts";
import { FIRST, json, SECOND, writeJson } from "./base.ts";
import { copyOf, nested } from "./bytes.ts";
import type { HostileCase, Place } from "./case.ts";
import { NO_FILES, standIn } from "./places.ts";

const INDEX = "model.safetensors.index.json";

/** Opens a copy of the valid checkpoint after `harm` was done to it. */
function index(
  name: string,
  harm: (folder: string, place: Place) => void,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase {
  return {
    name,
    run: (place) => {
      const folder = copyOf(place, place.base.sharded);
      harm(folder, place);
      openWeights(folder).close();
      openShardedSafetensors(join(folder, INDEX)).close();
      openModelFiles(folder).close();
      loadCausalModel(folder);
    },
    codes,
    mentions,
  };
}

/** The index with these entries of weight_map replaced. */
function mapping(folder: string, changes: object): void {
  const path = join(folder, INDEX);
  const { weight_map: map, ...rest } = json(path) as { weight_map: object };
  writeJson(path, { ...rest, weight_map: { ...map, ...changes } });
}

const OUTSIDE = [
  "../../etc/passwd",
  "../model/model.safetensors",
  "/etc/passwd",
  "/etc/passwd.safetensors",
  "..",
  ".",
  "",
  "..\\model.safetensors",
  "C:\\model.safetensors",
  "\\\\server\\share\\model.safetensors",
  "sub/model.safetensors",
  "./model.safetensors",
  "a/../../model.safetensors",
  ".hidden.safetensors",
  "~/model.safetensors",
  "file:///etc/passwd.safetensors",
  "%2e%2e%2fmodel.safetensors",
  "\uff0e\uff0e\uff0fmodel.safetensors",
  "model\0.safetensors",
  "model.safetensors\n",
  "model.bin",
  INDEX,
  `${"a".repeat(300)}.safetensors`,
  5,
  null,
  ["model.safetensors"],
  { file: "model.safetensors" },
] as const;

const ESCAPES = OUTSIDE.map((name) =>
  index(
    `a tensor in ${JSON.stringify(name).slice(0, 60)}`,
    (folder) => mapping(folder, { "model.norm.weight": name }),
    ["SAFETENSORS_INVALID"],
    INDEX,
    "model.norm.weight",
  ),
);

const LINKS: readonly HostileCase[] = [
  index(
    "a shard that is a link out of the folder",
    (folder, { base }) => {
      rmSync(join(folder, SECOND));
      symlinkSync(join(base.sharded, SECOND), join(folder, SECOND));
    },
    ["SAFETENSORS_INVALID"],
    INDEX,
    SECOND,
  ),
  index(
    "a shard that is a link to a file of the system",
    (folder) => {
      rmSync(join(folder, FIRST));
      symlinkSync("/etc/passwd", join(folder, FIRST));
    },
    ["SAFETENSORS_INVALID"],
    INDEX,
    FIRST,
  ),
  index(
    "a shard that is a link into a folder below",
    (folder) => {
      mkdirSync(join(folder, "sub"));
      renameSync(join(folder, SECOND), join(folder, "sub", SECOND));
      symlinkSync(join("sub", SECOND), join(folder, SECOND));
    },
    ["SAFETENSORS_INVALID"],
    INDEX,
    SECOND,
  ),
  index("a shard that is not there", (folder) => rmSync(join(folder, SECOND)), ["FILE_NOT_FOUND"], SECOND),
  index(
    "a shard that is the index",
    (folder) => copyFileSync(join(folder, INDEX), join(folder, SECOND)),
    ["SAFETENSORS_INVALID"],
    SECOND,
  ),
  ...Object.keys(NO_FILES).map((kind) =>
    index(
      `instead of a shard: ${kind}`,
      (folder) => standIn(kind, folder, SECOND),
      kind === "a link to itself" ? ["FILE_NOT_FOUND"] : ["SAFETENSORS_INVALID"],
      SECOND,
    ),
  ),
];

const MAPPINGS: readonly HostileCase[] = [
  index(
    "a tensor that its shard does not have",
    (folder) => mapping(folder, { "model.norm.weight": FIRST }),
    ["WEIGHTS_MISMATCH"],
    "model.norm.weight",
    FIRST,
  ),
  index(
    "a tensor that no shard has",
    (folder) => mapping(folder, { extra: FIRST }),
    ["WEIGHTS_MISMATCH"],
    '"extra"',
  ),
  index(
    "a tensor claimed for two shards",
    (folder) => writeFileSync(join(folder, INDEX), `{"weight_map":{"a":"${FIRST}","a":"${SECOND}"}}`),
    ["SAFETENSORS_INVALID"],
    INDEX,
    "twice",
  ),
  index(
    "a tensor called __proto__",
    (folder) => writeFileSync(join(folder, INDEX), `{"weight_map":{"__proto__":"${FIRST}"}}`),
    ["WEIGHTS_MISMATCH"],
    "__proto__",
  ),
  index(
    "tensors of both shards left out",
    (folder) => writeJson(join(folder, INDEX), { weight_map: { "model.norm.weight": SECOND } }),
    ["WEIGHTS_MISMATCH"],
    "model.embed_tokens.weight",
  ),
];

const content = (name: string, text: () => string | Uint8Array): HostileCase =>
  index(
    `index: ${name}`,
    (folder) => writeFileSync(join(folder, INDEX), text()),
    ["SAFETENSORS_INVALID"],
    INDEX,
  );

const CONTENTS: readonly HostileCase[] = [
  content("null", () => "null"),
  content("a list", () => "[]"),
  content("without weight_map", () => "{}"),
  ...[null, [], "text", 5, {}].map((map) =>
    content(`weight_map ${JSON.stringify(map)}`, () => JSON.stringify({ weight_map: map })),
  ),
  content("not JSON", () => "{weight_map}"),
  content("cut", () => '{"weight_map":{"a":"model-0000'),
  content("not UTF-8", () => Buffer.from([0x7b, 0xff, 0x7d])),
  content("100,000 lists in one another", () => `{"weight_map":${nested(100_000)}}`),
  content("two million entries", () => `{"weight_map":{${'"":"",'.repeat(2_000_000)}"a":""}}`),
  ...Object.keys(NO_FILES).map((kind) =>
    index(
      `instead of the index: ${kind}`,
      (folder) => standIn(kind, folder, INDEX),
      kind === "a link to itself" ? ["FILE_NOT_FOUND"] : ["SAFETENSORS_INVALID"],
      INDEX,
    ),
  ),
];

export const CASES: readonly HostileCase[] = [...ESCAPES, ...LINKS, ...MAPPINGS, ...CONTENTS];
