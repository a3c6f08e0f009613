/** Things that stand where a file should. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What is put at a path, by name. Each returns the path. */
export const NO_FILES: Readonly<Record<string, (path: string) => string>> = {
  "a folder": (path) => {
    mkdirSync(path);
    return path;
  },
  "a pipe without a writer": (path) => {
    execFileSync("mkfifo", [path]);
    return path;
  },
  "an endless device": (path) => {
    symlinkSync("/dev/zero", path);
    return path;
  },
  "a link to itself": (path) => {
    symlinkSync(basename(path), path);
    return path;
  },
  "an empty file": (path) => {
    writeFileSync(path, "");
    return path;
  },
  "a terabyte of holes": (path) => {
    writeFileSync(path, "");
    truncateSync(path, 2 ** 40);
    return path;
  },
};

/** Puts one of {@link NO_FILES} where a file of a folder is. */
export function standIn(kind: string, folder: string, file: string): void {
  const path = join(folder, file);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  NO_FILES[kind]!(path);
}

/** Runs `action` as somebody who may not read `path`; root may read everything and becomes somebody else for it. */
export function withoutPermission<T>(path: string, action: () => T): T {
  chmodSync(path, 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return action();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(path, 0o644);
  }
}
