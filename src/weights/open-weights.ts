/** Opening a model's weights, whichever files hold them. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { isFolder } from "../support/read-file.ts";
import { openGgufModel } from "./gguf/model-read.ts";
import type { SafetensorsEntry } from "./safetensors-header.ts";
import { INDEX_FILE, readSafetensorsIndex } from "./safetensors-index.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors-read.ts";
import type { WeightSource } from "./source.ts";

/** A checkpoint in one safetensors file or several. */
export interface Checkpoint
  extends Pick<SafetensorsFile, "path" | "entries" | "read" | "readFloats" | "close"> {
  /** Paths of the files that hold the tensors. */
  readonly files: readonly string[];
}

/**
 * Refuses a file that is a link to elsewhere: it must lie beside the index, or beside what the index is a link to, as in
 * the hub's cache, where all files of a model are links into one folder.
 */
function checkPlace(index: string, path: string): void {
  if (!existsSync(path)) return;
  const place = dirname(realpathSync(path));
  if (place === realpathSync(dirname(index)) || place === dirname(realpathSync(index))) return;
  throw new TuttiError("SAFETENSORS_INVALID", `${index}: ${path} is a link out of the folder`, {
    details: { path: index, file: path },
    hint: "copy the files of a checkpoint into one folder, or link all of them, the index too, to one",
  });
}

function openShards(index: string, names: Iterable<string>): Map<string, SafetensorsFile> {
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const name of new Set(names)) {
      const path = join(dirname(index), name);
      checkPlace(index, path);
      shards.set(name, openSafetensors(path));
    }
    return shards;
  } catch (error) {
    for (const shard of shards.values()) shard.close();
    throw error;
  }
}

/**
 * Opens a checkpoint in several safetensors files by its index. The headers of all files are checked at once, tensors
 * are read when asked for.
 *
 * @param path of the index, `model.safetensors.index.json`
 * @throws {TuttiError} FILE_NOT_FOUND (index or a file of it), SAFETENSORS_INVALID (index or a file, or a file outside the
 *   folder), WEIGHTS_MISMATCH (a tensor that is not in its file)
 */
export function openShardedSafetensors(path: string): Checkpoint {
  const files = readSafetensorsIndex(path);
  const shards = openShards(path, files.values());
  const close = (): void => {
    for (const shard of shards.values()) shard.close();
  };
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, file] of files) {
    const entry = shards.get(file)?.entries.get(name);
    if (entry === undefined) {
      close();
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: tensor "${name}" is not in ${file}`, {
        details: { path, tensor: name, file },
        hint: "the index belongs to other files: copy the checkpoint again",
      });
    }
    entries.set(name, entry);
  }
  const shardOf = (name: string): SafetensorsFile => {
    const shard = shards.get(files.get(name) ?? "");
    if (shard !== undefined) return shard;
    throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${name}"`, {
      details: { path, tensor: name },
      hint: didYouMean(name, [...files.keys()]) || "list the names with openWeights(path).entries",
    });
  };
  return {
    path,
    entries,
    files: [...shards.values()].map((shard) => shard.path),
    read: (name) => shardOf(name).read(name),
    readFloats: (name, start, values) => shardOf(name).readFloats(name, start, values),
    close,
  };
}

/**
 * Opens the safetensors of a model: a folder as Hugging Face lays it out (`model.safetensors`, or an index of several files), a
 * `.safetensors` file, or an index.
 *
 * @throws {TuttiError} FILE_NOT_FOUND when there are none, and what {@link openShardedSafetensors} throws
 */
export function openCheckpoint(path: string): Checkpoint {
  if (!isFolder(path)) {
    if (path.endsWith(".index.json")) return openShardedSafetensors(path);
    return { ...openSafetensors(path), files: [path] };
  }
  const single = join(path, "model.safetensors");
  const index = join(path, INDEX_FILE);
  if (existsSync(single)) return { ...openSafetensors(single), files: [single] };
  if (existsSync(index)) return openShardedSafetensors(index);
  throw new TuttiError("FILE_NOT_FOUND", `${path}: has neither model.safetensors nor ${INDEX_FILE}`, {
    details: { path },
    hint: "give the folder of a Hugging Face checkpoint, a .safetensors file or a .gguf file",
  });
}

/**
 * Opens the weights of a model: safetensors as {@link openCheckpoint} finds them, or a `.gguf` file.
 *
 * @throws {TuttiError} FILE_NOT_FOUND when there are no weights, and what the reader of the format throws
 */
export function openWeights(path: string): WeightSource {
  return !isFolder(path) && path.endsWith(".gguf") ? openGgufModel(path) : openCheckpoint(path);
}
