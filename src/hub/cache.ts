/**
 * The cache, in the layout of Python's huggingface_hub, so that both use the same files: models--ORG--NAME with blobs/
 * (content by checksum), snapshots/COMMIT/ (names, as links to blobs) and refs/ (revisions, as commits).
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { isFolder, readWholeFile } from "../support/read-file.ts";
import { digestOfFile } from "./digest.ts";
import type { Digest } from "./repository.ts";
import type { HubSettings } from "./settings.ts";

const FOLDER_PREFIX = "models--";
const COMMIT = /^[0-9a-f]{40}$/;

export interface RepositoryPaths {
  readonly folder: string;
  readonly lock: string;
  blob(digest: Digest): string;
  snapshot(commit: string): string;
  reference(revision: string): string;
}

export function repositoryPaths(
  { cacheFolder }: Pick<HubSettings, "cacheFolder">,
  repository: string,
): RepositoryPaths {
  const name = `${FOLDER_PREFIX}${repository.replace("/", "--")}`;
  const folder = join(cacheFolder, name);
  return {
    folder,
    lock: join(cacheFolder, ".locks", name, "tutti.lock"),
    blob: ({ hex }) => join(folder, "blobs", hex),
    snapshot: (commit) => join(folder, "snapshots", commit),
    reference: (revision) => join(folder, "refs", revision),
  };
}

/** The commit that a revision was last seen at, or undefined when it was never pulled. */
export function cachedCommit(paths: RepositoryPaths, revision: string): string | undefined {
  if (COMMIT.test(revision) && existsSync(paths.snapshot(revision))) return revision;
  const commit = readReference(paths.reference(revision));
  return commit !== undefined && existsSync(paths.snapshot(commit)) ? commit : undefined;
}

/** A commit and a line end. */
const MAXIMUM_REFERENCE_BYTES = 256;

/** The commit in a file of refs/, or undefined for what is no such file. */
function readReference(path: string): string | undefined {
  try {
    const text = readWholeFile(path, MAXIMUM_REFERENCE_BYTES, (problem) => new Error(problem))
      .toString("utf8")
      .trim();
    return COMMIT.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a blob its name in a snapshot: a link, or a copy where the file system has no links. */
export function linkIntoSnapshot(paths: RepositoryPaths, commit: string, name: string, digest: Digest): void {
  const target = join(paths.snapshot(commit), name);
  const blob = paths.blob(digest);
  if (existsSync(target)) return;
  rmSync(target, { force: true });
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(relative(dirname(target), blob), target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    copyFileSync(blob, target);
  }
}

export function recordRevision(paths: RepositoryPaths, revision: string, commit: string): void {
  if (!COMMIT.test(revision)) writeFileAtomic(paths.reference(revision), commit);
}

export interface CachedModel {
  readonly repository: string;
  readonly commit: string;
  /** Branches and tags that were pulled and are at this commit. */
  readonly revisions: readonly string[];
  readonly folder: string;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
}

function namesBelow(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !lstatSync(join(folder, name)).isDirectory())
    .sort();
}

/** Every snapshot in the cache, by repository. */
export function listCachedModels(settings: Pick<HubSettings, "cacheFolder">): CachedModel[] {
  if (!isFolder(settings.cacheFolder)) return [];
  const folders = readdirSync(settings.cacheFolder).filter((name) => name.startsWith(FOLDER_PREFIX));
  return folders.sort().flatMap((name) => {
    const repository = name.slice(FOLDER_PREFIX.length).replace("--", "/");
    const paths = repositoryPaths(settings, repository);
    const revisions = namesBelow(join(paths.folder, "refs")).map((revision) => ({
      revision,
      commit: readReference(paths.reference(revision)),
    }));
    const commits = isFolder(join(paths.folder, "snapshots"))
      ? readdirSync(join(paths.folder, "snapshots"))
      : [];
    return commits.sort().map((commit): CachedModel => {
      const folder = paths.snapshot(commit);
      const files = namesBelow(folder)
        .filter((file) => existsSync(join(folder, file)))
        .map((file) => ({ name: file, sizeBytes: statSync(join(folder, file)).size }));
      const here = revisions.filter((entry) => entry.commit === commit).map(({ revision }) => revision);
      return { repository, commit, revisions: here, folder, files };
    });
  });
}

export interface DamagedFile {
  readonly name: string;
  readonly problem: string;
}

/**
 * Reads every file of a snapshot and compares it with the checksum that its blob is named by. Files that are no links
 * into blobs/ have no checksum and are passed over.
 */
export async function verifyCachedModel(
  { folder }: Pick<CachedModel, "folder">,
  onFile?: (name: string) => void,
): Promise<DamagedFile[]> {
  const damaged: DamagedFile[] = [];
  for (const name of namesBelow(folder)) {
    onFile?.(name);
    const path = join(folder, name);
    if (!existsSync(path)) {
      damaged.push({ name, problem: "its content is missing" });
      continue;
    }
    const blob = realpathSync(path);
    const hex = basename(blob);
    const algorithm = /^[0-9a-f]{64}$/.test(hex)
      ? "sha256"
      : /^[0-9a-f]{40}$/.test(hex)
        ? "git-sha1"
        : undefined;
    if (algorithm === undefined || dirname(blob) !== blobsOf(folder)) continue;
    const received = await digestOfFile(blob, { algorithm });
    if (received !== hex) damaged.push({ name, problem: `has checksum ${received}, expected ${hex}` });
  }
  return damaged;
}

/** Where the contents of a snapshot lie: models--ORG--NAME/blobs beside its snapshots/. */
function blobsOf(folder: string): string {
  return join(dirname(dirname(realpathSync(folder))), "blobs");
}

/** Takes damaged content out of the cache, so that the next pull fetches it again; what links point to elsewhere stays. */
export function removeDamaged(
  { folder }: Pick<CachedModel, "folder">,
  damaged: readonly DamagedFile[],
): void {
  for (const { name } of damaged) {
    const path = join(folder, name);
    const content = existsSync(path) ? realpathSync(path) : undefined;
    if (content !== undefined && dirname(content) === blobsOf(folder)) rmSync(content, { force: true });
    rmSync(path, { force: true });
  }
}
