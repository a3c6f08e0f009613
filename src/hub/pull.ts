/** From a model reference to files on this machine. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TuttiError } from "../support/errors.ts";
import {
  cachedCommit,
  linkIntoSnapshot,
  type RepositoryPaths,
  recordRevision,
  repositoryPaths,
} from "./cache.ts";
import { downloadFile } from "./download.ts";
import { chooseFiles } from "./file-choice.ts";
import { withLock } from "./lock.ts";
import { formatHubReference, type HubReference, parseModelReference } from "./reference.ts";
import { describeRepository, type Repository, type RepositoryFile } from "./repository.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

export interface PullProgress {
  /** Bytes of all files that are here, those of earlier runs included. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly file: string;
}

export interface PullOptions {
  /** @default those of the environment */
  readonly settings?: HubSettings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Called when another process is fetching the same model, whose end is waited for. */
  readonly onWait?: () => void;
}

export interface PulledModel {
  readonly commit: string;
  /** The snapshot folder; for a reference to one file, that file. */
  readonly path: string;
  readonly files: readonly string[];
  /** Bytes that came over the network in this call. */
  readonly downloadedBytes: number;
}

/**
 * Fetches what the reference names into the cache, unless it is there. Several processes may pull the same model; one
 * fetches, the others wait. When the hub cannot be reached, what an earlier pull left is taken.
 *
 * @throws {TuttiError} HUB_OFFLINE, HUB_UNREACHABLE, HUB_REFUSED, HUB_NOT_FOUND, HUB_FAILED, HUB_ANSWER_INVALID,
 *   HUB_CHECKSUM_MISMATCH; INVALID_ARGUMENT or MODEL_CONFIG_UNSUPPORTED when no file fits; FILE_WRITE_FAILED;
 *   INTERRUPTED (what was downloaded is kept)
 */
export async function pullModel(reference: HubReference, options: PullOptions = {}): Promise<PulledModel> {
  const { settings = hubSettings(), signal, onWait } = options;
  const paths = repositoryPaths(settings, reference.repository);
  if (settings.isOffline) {
    const cached = fromCache(reference, paths);
    if (cached) return cached;
    throw notCached(reference);
  }
  const repository = await describeRepository(settings, reference, signal).catch((error: unknown) => {
    const cached = TuttiError.is(error) && error.code === "HUB_UNREACHABLE" && fromCache(reference, paths);
    if (cached) return cached;
    throw error;
  });
  if ("path" in repository) return repository;
  const files = chooseFiles(reference, repository.files);
  const downloadedBytes = await withLock(
    paths.lock,
    () => fetchFiles(settings, reference, paths, repository, files, options),
    { signal, onWait },
  );
  recordRevision(paths, reference.revision, repository.commit);
  const folder = paths.snapshot(repository.commit);
  const path = isWhole(reference, files) ? folder : join(folder, files[0]!.name);
  return { commit: repository.commit, path, files: files.map(({ name }) => name), downloadedBytes };
}

/** A model of several files is its folder, one file is itself. */
const isWhole = ({ file }: HubReference, files: readonly { readonly name: string }[]): boolean =>
  file === undefined && !(files.length === 1 && files[0]!.name.endsWith(".gguf"));

async function fetchFiles(
  settings: HubSettings,
  { repository }: HubReference,
  paths: RepositoryPaths,
  { commit }: Repository,
  files: readonly RepositoryFile[],
  { signal, onProgress }: PullOptions,
): Promise<number> {
  const bytesTotal = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let bytesBefore = 0;
  let downloadedBytes = 0;
  // Small files first: a config that is refused is seen before gigabytes are fetched.
  for (const file of [...files].sort((a, b) => a.sizeBytes - b.sizeBytes)) {
    const blob = paths.blob(file.digest);
    const report = (bytes: number): void =>
      onProgress?.({ bytesDone: bytesBefore + bytes, bytesTotal, file: file.name });
    if (!existsSync(blob)) {
      let first: number | undefined;
      const onBytes = (bytes: number): void => {
        first ??= bytes;
        report(bytes);
      };
      await downloadFile(settings, { repository, commit, file }, blob, { signal, onBytes });
      downloadedBytes += file.sizeBytes - (first ?? 0);
      report(file.sizeBytes);
    }
    linkIntoSnapshot(paths, commit, file.name, file.digest);
    bytesBefore += file.sizeBytes;
  }
  return downloadedBytes;
}

/** What an earlier pull left, or undefined; the hub is not asked. */
function fromCache({ file, revision }: HubReference, paths: RepositoryPaths): PulledModel | undefined {
  const commit = cachedCommit(paths, revision);
  if (commit === undefined) return undefined;
  const folder = paths.snapshot(commit);
  const files = readdirSync(folder);
  const only = files.length === 1 && files[0]!.endsWith(".gguf") ? files[0] : undefined;
  const name = file ?? only;
  const path = name === undefined ? folder : join(folder, name);
  return existsSync(path) ? { commit, path, files, downloadedBytes: 0 } : undefined;
}

function notCached(reference: HubReference): TuttiError {
  const { repository, revision } = reference;
  return new TuttiError(
    "HUB_OFFLINE",
    `${formatHubReference(reference)} is not in the cache, and HF_HUB_OFFLINE forbids asking the hub`,
    {
      details: { repository, revision },
      hint: "unset HF_HUB_OFFLINE and pull it once, or copy the cache from another machine",
    },
  );
}

/**
 * The path of a model, fetched first when the reference is to the hub; paths are given back as they are.
 *
 * @throws {TuttiError} as {@link parseModelReference} and {@link pullModel} do
 */
export async function resolveModel(reference: string, options: PullOptions = {}): Promise<string> {
  const parsed = parseModelReference(reference);
  return parsed.kind === "path" ? parsed.path : (await pullModel(parsed, options)).path;
}
