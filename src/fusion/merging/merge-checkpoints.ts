/** Merging checkpoints of one shape into a new model folder, a piece of a tensor in memory at a time. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { readModelConfig } from "../../models/config-file.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { isFolder } from "../../support/read-file.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { INDEX_FILE, openCheckpoint, safetensorsIndexText } from "../../weights/index.ts";
import type { OpenModels } from "./checkpoint-tensors.ts";
import { copyCompanions, writeConfig } from "./companion-files.ts";
import { type FileStamp, stampsOf, startHashing } from "./input-files.ts";
import { type HashedFile, type Lineage, lineageJson, mergeCard } from "./lineage.ts";
import { createMergeMethod } from "./methods.ts";
import { OutputFolder } from "./output-folder.ts";
import type { MergedModel, MergeEvents, MergeRequest } from "./request.ts";
import { sharedTensors } from "./same-tensors.ts";
import { checkSameConfig, checkSameTokenizer, type NamedFolder } from "./same-tokenizer.ts";
import { bytesOf, planShards } from "./shards.ts";
import { type MergeWork, writeShards } from "./write-shards.ts";

/** Changes when the same request gives other files. */
const FORMAT = 1;

function checkFolder({ path }: NamedFolder): void {
  if (isFolder(path) && existsSync(join(path, "config.json"))) return;
  throw new TuttiError("INVALID_ARGUMENT", `${path} is no folder with a config.json`, {
    details: { path },
    hint: "merge Hugging Face folders; `tutti model convert` makes one of a .gguf file",
  });
}

/** Compares everything but the tensors; returns what is worth knowing. */
function compareModels({ base, models, ignoresTokenizers }: MergeRequest): string[] {
  return models.flatMap((model) => {
    const keys = checkSameConfig(base, model);
    const notes =
      keys.length > 0
        ? [`config.json of ${model.name} differs in ${keys.join(", ")}: the base's is taken`]
        : [];
    if (ignoresTokenizers)
      return [...notes, `the tokenizer of ${model.name} was not compared: the base's is taken`];
    const unknown = checkSameTokenizer(base, model);
    return unknown === undefined ? notes : [...notes, unknown];
  });
}

function openAll({ base, models }: MergeRequest): OpenModels {
  const opened: ReturnType<typeof openCheckpoint>[] = [];
  try {
    for (const { path } of [base, ...models]) opened.push(openCheckpoint(path));
  } catch (error) {
    for (const checkpoint of opened) checkpoint.close();
    throw error;
  }
  const [first, ...rest] = opened;
  return { base: first!, models: rest };
}

function writeIndex({ shards, folder }: MergeWork): void {
  if (shards.length === 1) return;
  const files = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file] as const));
  const bytes = shards.flatMap(({ tensors }) => tensors).reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  writeFileAtomic(join(folder.path, INDEX_FILE), safetensorsIndexText(new Map(files), bytes));
}

/** Config.json comes last, then the folder moves to its place. */
function writeRest(work: MergeWork, hashed: readonly HashedFile[][], notes: readonly string[]): void {
  const { request, shared, shards, folder } = work;
  const { base, models, settings, dtype } = request;
  const takesWeights = "isNormalised" in settings;
  writeIndex(work);
  const lineage: Lineage = {
    settings,
    base: { name: base.name, files: hashed[0]! },
    models: models.map(({ name, weight }, index) => ({
      name,
      ...(takesWeights && { weight }),
      files: hashed[index + 1]!,
    })),
    dtypes: [...new Set(shards.flatMap(({ tensors }) => tensors.map((tensor) => tensor.dtype)))],
    tensors: shared.length,
    parameters: shared.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    copiedFiles: copyCompanions(base.path, folder.path),
    notes,
  };
  writeFileAtomic(join(folder.path, "merge.json"), lineageJson(lineage));
  writeFileAtomic(join(folder.path, "README.md"), mergeCard(basename(request.out), lineage));
  writeConfig(base.path, folder.path, dtype);
  folder.finish();
}

function checkUnchanged(before: readonly FileStamp[], paths: readonly string[]): void {
  const now = stampsOf(paths);
  const changed = before.findIndex((stamp, index) => JSON.stringify(stamp) !== JSON.stringify(now[index]));
  if (changed < 0) return;
  throw new TuttiError("CHECKPOINT_MISMATCH", `${paths[changed]} changed while it was merged`, {
    details: { path: paths[changed] },
    hint: "remove the unfinished folder and merge again once the model is no longer written to",
  });
}

/**
 * Merges models into a new folder that transformers and `local:` load: weights, the base's configuration and tokenizer, a
 * card, and merge.json. Whatever the size of a tensor, memory holds a piece of it for every model.
 *
 * Weights are read as F32, F16 or BF16, computed on in float64 and rounded once. The bytes of the output depend on the inputs and the
 * settings only. A merge that was stopped or killed goes on behind its last finished file when it is asked for again.
 *
 * @throws {TuttiError} INVALID_ARGUMENT (settings, or an output that exists or lies in a model), WEIGHTS_MISMATCH,
 *   SHAPE_MISMATCH, DTYPE_MISMATCH, TOKENIZER_MISMATCH, MODEL_CONFIG_UNSUPPORTED (models that do not go together),
 *   CHECKPOINT_MISMATCH (another merge was begun there, or an input changed), NON_FINITE, FILE_WRITE_FAILED, INTERRUPTED
 */
export async function mergeCheckpoints(
  request: MergeRequest,
  events: MergeEvents = {},
): Promise<MergedModel> {
  const { base, models, settings, dtype, out } = request;
  const method = createMergeMethod(
    settings,
    models.map(({ weight }) => weight),
  );
  for (const model of [base, ...models]) checkFolder(model);
  const notes = compareModels(request);
  const opened = openAll(request);
  let hashing: ReturnType<typeof startHashing> | undefined;
  try {
    const isTied = readModelConfig(join(base.path, "config.json"), "").tie_word_embeddings === true;
    const shared = sharedTensors(opened, isTied);
    const copied = shared.filter(({ isMerged }) => !isMerged).map(({ name }) => name);
    if (copied.length > 0) notes.push(`not merged but taken from the base: ${copied.join(", ")}`);
    for (const note of notes) events.onNote?.(note);
    const headings = shared.map(({ name, shape, dtype: stored, isMerged }) => {
      return { name, shape, dtype: isMerged ? (dtype ?? stored) : stored };
    });
    const shards = planShards(headings, request.shardBytes);
    const checkpoints = [opened.base, ...opened.models];
    const paths = checkpoints.flatMap(({ files }) => files);
    const stamps = stampsOf(paths);
    const folder = new OutputFolder(
      out,
      [base, ...models].map(({ path }) => path),
      {
        format: FORMAT,
        settings,
        weights: models.map(({ weight }) => weight),
        inputs: checkpoints.map(({ files }) => stampsOf(files)),
        shards,
      },
    );
    const work: MergeWork = { request, opened, method, shared, shards, folder };
    hashing = startHashing(paths);
    const filesKept = await writeShards(work, events);
    const digests = [...(await hashing.digests)];
    checkUnchanged(stamps, paths);
    const hashed = checkpoints.map(({ files }) =>
      files.map((path): HashedFile => ({ name: basename(path), sha256: digests.shift()! })),
    );
    writeRest(work, hashed, notes);
    const parameters = shared.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return {
      path: out,
      tensors: shared.length,
      parameters,
      files: shards.map(({ file }) => file),
      filesKept,
    };
  } finally {
    await hashing?.stop();
    for (const checkpoint of [opened.base, ...opened.models]) checkpoint.close();
  }
}
