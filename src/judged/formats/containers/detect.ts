/** Which container a file is, by its first bytes: Parquet, or JSON lines, a JSON list or CSV, each plain or gzip'd. */
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { messageOf, TuttiError } from "../../../support/errors.ts";
import { checkIsFile, readBytes } from "../../lines.ts";
import type { DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";
import { readCsv } from "./csv.ts";
import { readJsonLines } from "./json-lines.ts";
import { readJsonList } from "./json-list.ts";
import { readParquet } from "./parquet-read.ts";

export type ContainerKind = "json-lines" | "json-list" | "csv" | "parquet";

export interface Container {
  readonly kind: ContainerKind;
  readonly isGzip: boolean;
}

const HEAD_BYTES = 4;

async function head(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error("it is a pipe or a device");
      const bytes = Buffer.alloc(HEAD_BYTES);
      const { bytesRead } = await file.read(bytes, 0, HEAD_BYTES, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
      details: { file: path },
      hint: "name a file that may be read; what comes through a pipe has to be written to a file first",
    });
  }
}

/** The first character that is no white space, after a byte-order mark. */
async function firstCharacter(path: string, isGzip: boolean, limits: ImportLimits): Promise<string> {
  let line = 1;
  for await (const chunk of readBytes(path, isGzip, limits, () => line)) {
    const found = /[^\s\uFEFF]/.exec(chunk.toString("latin1").replace(/^\u00ef\u00bb\u00bf/, ""));
    if (found !== null) return found[0];
    line += chunk.filter((byte) => byte === 0x0a).length;
  }
  return "";
}

/** @throws {TuttiError} FILE_NOT_FOUND, FILE_CORRUPT */
export async function containerOf(path: string, limits: ImportLimits): Promise<Container> {
  await checkIsFile(path);
  const bytes = await head(path);
  if (bytes.toString("latin1") === "PAR1") return { kind: "parquet", isGzip: false };
  // A name that promises gzip is held to it: what is not is told so.
  const isGzip = (bytes[0] === 0x1f && bytes[1] === 0x8b) || path.endsWith(".gz");
  const name = isGzip ? path.replace(/\.gz$/, "") : path;
  if (extname(name) === ".parquet") return { kind: "parquet", isGzip: false };
  if (extname(name) === ".jsonl") return { kind: "json-lines", isGzip };
  const first = await firstCharacter(path, isGzip, limits);
  if (first === "[") return { kind: "json-list", isGzip };
  return { kind: first === "{" || first === "" || extname(name) !== ".csv" ? "json-lines" : "csv", isGzip };
}

export function readContainer(
  path: string,
  container: Container,
  limits: ImportLimits,
): AsyncGenerator<DataRecord> {
  switch (container.kind) {
    case "parquet":
      return readParquet(path, limits);
    case "json-list":
      return readJsonList(path, container.isGzip, limits);
    case "csv":
      return readCsv(path, container.isGzip, limits);
    case "json-lines":
      return readJsonLines(path, container.isGzip, limits);
  }
}
