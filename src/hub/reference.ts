/** How models are named: hf:org/name[@revision][/file.gguf], a folder, a .gguf file. */
import { TuttiError } from "../support/errors.ts";

/** A repository of the hub at a revision, whole or one file of it. */
export interface HubReference {
  readonly kind: "hub";
  /** org/name */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** One file, for example of a GGUF repository that holds many; undefined takes what a model needs. */
  readonly file: string | undefined;
}

export interface PathReference {
  readonly kind: "path";
  readonly path: string;
}

export type ModelReference = HubReference | PathReference;

const PREFIX = "hf:";
const DEFAULT_REVISION = "main";
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/;
const LONGEST_NAME = 96;

function malformed(reference: string, what: string): TuttiError {
  return new TuttiError("INVALID_ARGUMENT", `model reference "${reference}": ${what}`, {
    details: { reference },
    hint: "write hf:ORG/NAME, hf:ORG/NAME@REVISION, hf:ORG/NAME/FILE.gguf, or the path of a folder or a .gguf file",
  });
}

/**
 * Reads a reference; nothing is looked up.
 *
 * @throws {TuttiError} INVALID_ARGUMENT saying what is wrong
 */
export function parseModelReference(reference: string): ModelReference {
  if (!reference.startsWith(PREFIX)) {
    if (reference.trim() === "") throw malformed(reference, "is empty");
    return { kind: "path", path: reference };
  }
  const [organisation = "", rest = "", ...folders] = reference.slice(PREFIX.length).split("/");
  const [name = "", ...revisions] = rest.split("@");
  for (const part of [organisation, name]) {
    const isName =
      NAME.test(part) && part.length <= LONGEST_NAME && !part.includes("--") && !part.includes("..");
    if (!isName) throw malformed(reference, `expected ORG/NAME behind hf:, found "${organisation}/${name}"`);
  }
  const [revision = DEFAULT_REVISION] = revisions;
  if (revisions.length > 1 || !isSafeRevision(revision)) {
    throw malformed(reference, `"${revisions.join("@")}" is no revision: expected a branch, tag or commit`);
  }
  const file = folders.length > 0 ? folders.join("/") : undefined;
  if (file !== undefined && !isSafeFileName(file)) {
    throw malformed(reference, `"${file}" is no file of a repository`);
  }
  return { kind: "hub", repository: `${organisation}/${name}`, revision, file };
}

/** hf:org/name[@revision][/file]; the revision is left out when it is the default. */
export function formatHubReference({ repository, revision, file }: HubReference): string {
  const at = revision === DEFAULT_REVISION ? "" : `@${revision}`;
  return `${PREFIX}${repository}${at}${file === undefined ? "" : `/${file}`}`;
}

const isSafeRevision = (revision: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(revision) && !revision.includes("..");

/** Names that Windows takes for devices, whatever ending they have. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Whether a name from the hub stays below the folder it is put into, on every operating system. */
export function isSafeFileName(name: string): boolean {
  const hasControl = [...name].some((character) => character < " " || character === "\u007f");
  if (hasControl || name.length > 1024 || /[\\:*?"<>|]/.test(name)) return false;
  return name
    .split("/")
    .every(
      (part) => part !== "" && part !== "." && part !== ".." && !/[. ]$/.test(part) && !DEVICE.test(part),
    );
}
