/**
 * Valid files with bytes changed, cut, doubled and moved at random, by a seed: each is taken, and then makes sense, or is
 * refused with a typed error.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { loadGenerationModel } from "../../../src/generate/index.ts";
import {
  describeModel,
  loadCausalModel,
  loadPeftAdapter,
  openModelFiles,
} from "../../../src/models/index.ts";
import { TuttiError } from "../../../src/support/errors.ts";
import { RandomStream, streamOf } from "../../../src/tensor/random.ts";
import { loadTokenizer, renderChatTemplate, tokenizerFromGguf } from "../../../src/text/index.ts";
import { loadCheckpoint } from "../../../src/train/checkpoint.ts";
import { openGguf, openGgufModel, openWeights, type WeightSource } from "../../../src/weights/index.ts";
import { type Base, causalModel, FINGERPRINT, TEMPLATE, trainingState } from "./base.ts";
import type { HostileCase } from "./case.ts";

const MUTATIONS = 300;
const SEED = 20;
/** Longest time for one file, in milliseconds of the processor. */
const MOST_MS = 2_000;

type Mutation = (bytes: Buffer, random: RandomStream) => Buffer;

const flip: Mutation = (bytes, random) => {
  const copy = Buffer.from(bytes);
  for (let times = 1 + random.nextInteger(4); times > 0; times--)
    copy[random.nextInteger(copy.length)]! ^= 1 << random.nextInteger(8);
  return copy;
};
const overwrite: Mutation = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const value = [0, 0xff, 0x7f, 0x80, 0x20, 0x22, 0x5b, 0x7b, 0x2d, 0x39][random.nextInteger(10)]!;
  const start = random.nextInteger(copy.length);
  return copy.fill(value, start, Math.min(copy.length, start + 1 + random.nextInteger(8)));
};
const cut: Mutation = (bytes, random) => bytes.subarray(0, random.nextInteger(bytes.length));
const leaveOut: Mutation = (bytes, random) => {
  const start = random.nextInteger(bytes.length);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.nextInteger(16))]);
};
const double: Mutation = (bytes, random) => {
  const start = random.nextInteger(bytes.length);
  const part = bytes.subarray(start, start + 1 + random.nextInteger(64));
  return Buffer.concat([bytes.subarray(0, start), part, bytes.subarray(start)]);
};
const MUTATIONS_OF_BYTES = [flip, flip, overwrite, cut, leaveOut, double];

/** Most of a file of weights is numbers, where a change harms nothing: changes go to its beginning. */
const inHeader =
  (mutation: Mutation): Mutation =>
  (bytes, random) => {
    const end = Math.min(bytes.length, 6_000);
    return Buffer.concat([mutation(bytes.subarray(0, end), random), bytes.subarray(end)]);
  };

interface Format {
  readonly name: string;
  /** The file that is changed, and the folder that is copied with it where it is one of several. */
  readonly source: (base: Base) => { readonly file: string; readonly folder?: string };
  /** Opens the changed file, or its folder, and throws an untyped error where what it says makes no sense. */
  readonly open: (path: string) => void;
  readonly isBinary?: boolean;
}

function expectSense(isSound: boolean, what: string): void {
  if (!isSound) throw new Error(`taken, and makes no sense: ${what}`);
}

function readAll(source: WeightSource): void {
  for (const [name, { shape }] of source.entries) {
    const { data } = source.read(name);
    const elements = shape.reduce((product, size) => product * size, 1);
    expectSense(data.length === elements, `${name} of ${shape} has ${data.length} elements`);
  }
  source.close();
}

const TEXT = "Hello, world: 123 héllo <|endoftext|>";

function useTokenizer(tokenizer: ReturnType<typeof loadTokenizer>): void {
  const { ids } = tokenizer.encode(TEXT);
  expectSense(
    ids.every((id) => id >= 0 && id < tokenizer.vocabularySize),
    `ids ${ids.join()} of ${tokenizer.vocabularySize}`,
  );
  tokenizer.decode(ids);
}

function loadModel(folder: string): void {
  const files = openModelFiles(folder);
  expectSense(describeModel(files).parameters > 0, "no parameters");
  files.close();
  const { model, parameters } = loadCausalModel(folder);
  expectSense(Object.keys(parameters).length === Object.keys(model.specs).length, "parameters are missing");
  loadGenerationModel(folder);
}

const FORMATS: readonly Format[] = [
  {
    name: "safetensors",
    source: ({ model }) => ({ file: join(model, "model.safetensors") }),
    open: (path) => readAll(openWeights(path)),
    isBinary: true,
  },
  {
    name: "GGUF",
    source: ({ gguf }) => ({ file: gguf }),
    open: (path) => {
      const file = openGguf(path);
      for (const name of file.entries.keys()) file.read(name);
      file.close();
      const model = openGgufModel(path);
      useTokenizer(tokenizerFromGguf(path, model.metadata));
      readAll(model);
    },
    isBinary: true,
  },
  {
    name: "GGUF with pieces",
    source: ({ pieces }) => ({ file: pieces }),
    open: (path) => {
      const model = openGgufModel(path);
      useTokenizer(tokenizerFromGguf(path, model.metadata));
      readAll(model);
    },
    isBinary: true,
  },
  ...["config.json", "tokenizer_config.json"].map(
    (name): Format => ({
      name,
      source: ({ model }) => ({ file: join(model, name), folder: model }),
      open: loadModel,
    }),
  ),
  {
    name: "an index",
    source: ({ sharded }) => ({ file: join(sharded, "model.safetensors.index.json"), folder: sharded }),
    open: (folder) => readAll(openWeights(folder)),
  },
  ...(["model", "pieces"] as const).map(
    (name): Format => ({
      name: `tokenizer.json of ${name}`,
      source: (base) => ({ file: join(base.model, "..", name, "tokenizer.json") }),
      open: (path) => useTokenizer(loadTokenizer(path)),
    }),
  ),
  {
    name: "adapter_config.json",
    source: ({ adapter }) => ({ file: join(adapter, "adapter_config.json"), folder: adapter }),
    open: (folder) => loadPeftAdapter(folder, causalModel.specs),
  },
  {
    name: "adapter_model.safetensors",
    source: ({ adapter }) => ({ file: join(adapter, "adapter_model.safetensors"), folder: adapter }),
    open: (folder) => loadPeftAdapter(folder, causalModel.specs),
  },
  {
    name: "a checkpoint",
    source: ({ checkpoint }) => ({ file: checkpoint }),
    open: (path) => {
      const state = trainingState();
      loadCheckpoint(path, state, FINGERPRINT);
      expectSense(Number.isSafeInteger(state.step) && state.step >= 0, `step ${state.step}`);
    },
  },
];

/** Runs one changed file; typed errors are what is wanted. */
function isTaken(open: () => void, what: string): boolean {
  const { user, system } = process.cpuUsage();
  try {
    open();
    return true;
  } catch (error) {
    if (TuttiError.is(error)) return false;
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    const now = process.cpuUsage();
    const spentMs = (now.user - user + now.system - system) / 1_000;
    expectSense(spentMs < MOST_MS, `${what} took ${spentMs} ms`);
  }
}

const fuzz = ({ name, source, open, isBinary = false }: Format): HostileCase => ({
  name: `${MUTATIONS} changes of ${name}`,
  run: ({ base, folder }) => {
    const { file, folder: beside } = source(base);
    const original = readFileSync(file);
    const random = new RandomStream({ seed: SEED, stream: streamOf(name) });
    const target = join(folder, basename(beside ?? file));
    if (beside !== undefined) cpSync(beside, target, { recursive: true });
    const path = beside === undefined ? target : join(target, basename(file));
    let taken = 0;
    for (let index = 0; index < MUTATIONS; index++) {
      const mutation = MUTATIONS_OF_BYTES[random.nextInteger(MUTATIONS_OF_BYTES.length)]!;
      writeFileSync(path, (isBinary ? inHeader(mutation) : mutation)(original, random));
      if (isTaken(() => open(target), `${name}, change ${index} of seed ${SEED}`)) taken++;
    }
    rmSync(target, { recursive: true });
    if (taken === MUTATIONS) throw new Error("every change was taken: nothing is checked");
  },
  codes: [],
  mentions: [],
  seconds: 60,
});

/** Templates with characters changed at random. */
const TEMPLATES: HostileCase = {
  name: `${MUTATIONS} changes of a chat template`,
  run: () => {
    const random = new RandomStream({ seed: SEED, stream: streamOf("template") });
    const original = Buffer.from(TEMPLATE);
    const messages = [{ role: "user", content: "Hello" }];
    for (let index = 0; index < MUTATIONS; index++) {
      const mutation = MUTATIONS_OF_BYTES[random.nextInteger(MUTATIONS_OF_BYTES.length)]!;
      const template = mutation(original, random).toString("utf8");
      isTaken(() => renderChatTemplate(template, messages), `template ${JSON.stringify(template)}`);
    }
  },
  codes: [],
  mentions: [],
};

export const CASES: readonly HostileCase[] = [...FORMATS.map(fuzz), TEMPLATES];
