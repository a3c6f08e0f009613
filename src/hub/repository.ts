/** What a repository holds at a revision. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { isJsonObject, type JsonLimits, parseJsonBytes } from "../support/json.ts";
import { shown } from "../support/show.ts";
import type { HubReference } from "./reference.ts";
import { isSafeFileName } from "./reference.ts";
import { request } from "./request.ts";
import type { HubSettings } from "./settings.ts";

export interface RepositoryFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content for large files; else the SHA-1 that git calls the file by. */
  readonly digest: Digest;
}

export type Digest =
  | { readonly algorithm: "sha256"; readonly hex: string }
  | { readonly algorithm: "git-sha1"; readonly hex: string };

export interface Repository {
  /** 40 hex digits. */
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Asks the hub: GET /api/models/ORG/NAME/revision/REVISION?blobs=true.
 *
 * @throws {TuttiError} HUB_ANSWER_INVALID for an answer that makes no sense or names files outside of the repository,
 *   and what {@link request} throws
 */
export async function describeRepository(
  settings: HubSettings,
  { repository, revision }: Pick<HubReference, "repository" | "revision">,
  signal?: AbortSignal,
): Promise<Repository> {
  const subject = `model ${repository} at revision ${revision}`;
  const path = `/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const response = await request(settings, { path, subject, signal });
  const invalid = (what: string): TuttiError =>
    new TuttiError(
      "HUB_ANSWER_INVALID",
      `${new URL(settings.endpoint).host}, asked for ${subject}: ${what}`,
      {
        details: { repository, revision },
        hint: "check HF_ENDPOINT: it must speak the hub's protocol",
      },
    );
  const json = await readAnswer(response, invalid);
  const commit = json?.sha;
  if (typeof commit !== "string" || !/^[0-9a-f]{40}$/.test(commit)) {
    throw invalid(`expected "sha" with a commit, found ${shown(commit)}`);
  }
  if (!Array.isArray(json?.siblings))
    throw invalid(`expected "siblings" with files, found ${shown(json?.siblings)}`);
  return { commit, files: json.siblings.map((sibling) => parseFile(sibling as Json, invalid)) };
}

/** Descriptions of repositories of ten thousand files take a few megabytes. */
const ANSWER_LIMITS: JsonLimits = { bytes: 1 << 25, depth: 32, values: 1 << 20 };

async function readAnswer(
  { body }: Response,
  invalid: (what: string) => TuttiError,
): Promise<Json | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_LIMITS.bytes)
        throw invalid(`the answer is longer than the ${ANSWER_LIMITS.bytes} bytes allowed`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw TuttiError.is(error) ? error : invalid(`the answer broke off: ${messageOf(error)}`);
  }
  const refuse = (problem: string): TuttiError => invalid(`the answer ${problem}`);
  const { value } = parseJsonBytes(Buffer.concat(chunks), ANSWER_LIMITS, refuse);
  return isJsonObject(value) ? value : undefined;
}

function parseFile(sibling: Json, invalid: (what: string) => TuttiError): RepositoryFile {
  const { rfilename: name, size, blobId, lfs } = sibling ?? {};
  if (typeof name !== "string" || !isSafeFileName(name)) {
    throw invalid(`${shown(name)} is no name of a file in a repository`);
  }
  const large = lfs as Json | undefined | null;
  const hex = large?.sha256 ?? blobId;
  const algorithm = large?.sha256 === undefined ? "git-sha1" : "sha256";
  const length = algorithm === "sha256" ? 64 : 40;
  if (typeof hex !== "string" || !/^[0-9a-f]+$/.test(hex) || hex.length !== length) {
    throw invalid(`file ${name} has no checksum, found ${shown(hex)}`);
  }
  const sizeBytes = large?.size ?? size;
  if (!Number.isSafeInteger(sizeBytes) || (sizeBytes as number) < 0) {
    throw invalid(`file ${name} has size ${shown(sizeBytes)}`);
  }
  return { name, sizeBytes: sizeBytes as number, digest: { algorithm, hex } };
}
