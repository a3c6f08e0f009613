/** Files byte by byte: what no writer would write. */
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Json, json, writeJson } from "./base.ts";
import type { Place } from "./case.ts";

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

export const uint64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
};

/** A length and that many bytes of text; `length` lies. */
export const text = (value: string | Buffer, length?: bigint | number): Buffer => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint64(length ?? bytes.length), bytes]);
};

/** A safetensors file: header length, header, data; `length` lies. */
export function safetensors(header: unknown, dataBytes: number, length?: bigint): Buffer {
  const bytes =
    typeof header === "string" || Buffer.isBuffer(header)
      ? Buffer.from(header as string)
      : Buffer.from(JSON.stringify(header));
  return Buffer.concat([uint64(length ?? bytes.length), bytes, Buffer.alloc(dataBytes)]);
}

/** Writes a file of the case's own. */
export function put({ folder }: Place, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A copy of a folder of valid files. */
export function copyOf({ folder }: Place, source: string): string {
  const target = join(folder, basename(source));
  cpSync(source, target, { recursive: true });
  return target;
}

/** A copy of the valid model with keys of one of its JSON files replaced. */
export function changed(place: Place, source: string, file: string, changes: Json): string {
  const folder = copyOf(place, source);
  const path = join(folder, file);
  writeJson(path, { ...(existsSync(path) ? json(path) : {}), ...changes });
  return folder;
}

/** A copy of the valid model with one of its files written anew. */
export function replaced(place: Place, source: string, file: string, content: string | Uint8Array): string {
  const folder = copyOf(place, source);
  writeFileSync(join(folder, file), content);
  return folder;
}

/** JSON of lists in one another. */
export const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
