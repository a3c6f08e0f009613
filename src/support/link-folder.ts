/** A second name for a folder. */
import { randomBytes } from "node:crypto";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { messageOf, TuttiError } from "./errors.ts";

/**
 * Makes `path` a link to `folder`, in place of an earlier link, at one blow. The link is relative, so that it still holds when both are
 * moved together (a junction on Windows, which needs no rights but is absolute).
 *
 * @throws {TuttiError} FILE_WRITE_FAILED where something other than a link stands at `path`, or the disk refuses
 */
export function linkFolder(folder: string, path: string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  const isWindows = process.platform === "win32";
  try {
    symlinkSync(isWindows ? resolve(folder) : relative(dirname(path), folder), temporary, "junction");
    if (isWindows) rmSync(path, { force: true });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new TuttiError("FILE_WRITE_FAILED", `could not link ${path} to ${folder}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "move away what stands there, and check the permissions of the folder",
    });
  }
}
