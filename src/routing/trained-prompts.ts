/**
 * `trained-prompts.json` of a router folder: which prompts anything in it has learned from, as hashes, so that an
 * evaluation can tell prompts that it has seen.
 *
 * A hash is the first eight bytes of SHA-256 of the normalised prompt: 80 kB of them for 10,000 prompts, and among
 * 100,000 trained and 100,000 evaluated prompts the chance of any mistaken match is below one in a billion.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type JudgedRecord, normalisedPrompt } from "../judged/index.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { type JsonLimits, readJsonFile } from "../support/json.ts";
import { parseHeader } from "./bundle.ts";

const HASH_BYTES = 8;
/** Some twenty million prompts. */
const LIMITS: JsonLimits = { bytes: 1 << 28, depth: 4, values: 64 };

type Prompted = Pick<JudgedRecord, "prompt">;

const fileSchema = z.strictObject({
  format: z.literal("tutti-trained-prompts-1"),
  prompts: z.int().nonnegative(),
  /** Base64 of the hashes one after another, in ascending order. */
  hashes: z.base64(),
});

const pathOf = (folder: string): string => join(folder, "trained-prompts.json");

const hashOf = ({ prompt }: Prompted): string =>
  createHash("sha256").update(normalisedPrompt(prompt)).digest().subarray(0, HASH_BYTES).toString("hex");

/** A set of prompts that can be asked, but not read. Case, punctuation and white space do not count. */
export class TrainedPrompts {
  private readonly hashes: ReadonlySet<string>;

  private constructor(hashes: ReadonlySet<string>) {
    this.hashes = hashes;
  }

  static of(rows: readonly Prompted[]): TrainedPrompts {
    return new TrainedPrompts(new Set(rows.map(hashOf)));
  }

  get size(): number {
    return this.hashes.size;
  }

  has(row: Prompted): boolean {
    return this.hashes.has(hashOf(row));
  }

  with(rows: readonly Prompted[]): TrainedPrompts {
    return new TrainedPrompts(new Set([...this.hashes, ...rows.map(hashOf)]));
  }

  toJson(): z.infer<typeof fileSchema> {
    const sorted = [...this.hashes].sort();
    return {
      format: "tutti-trained-prompts-1",
      prompts: sorted.length,
      hashes: Buffer.from(sorted.join(""), "hex").toString("base64"),
    };
  }

  /** @returns undefined when the hashes are not as many as the file says */
  static fromJson({ prompts, hashes }: z.infer<typeof fileSchema>): TrainedPrompts | undefined {
    const bytes = Buffer.from(hashes, "base64");
    if (bytes.length !== prompts * HASH_BYTES) return undefined;
    const each = Array.from({ length: prompts }, (_, index) =>
      bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES).toString("hex"),
    );
    return new TrainedPrompts(new Set(each));
  }
}

/** @throws {TuttiError} FILE_WRITE_FAILED */
export function saveTrainedPrompts(folder: string, prompts: TrainedPrompts): void {
  writeFileAtomic(pathOf(folder), `${JSON.stringify(prompts.toJson(), null, 1)}\n`);
}

/**
 * Reads what {@link saveTrainedPrompts} wrote; undefined for a folder that remembers none.
 *
 * @throws {TuttiError} ROUTER_INVALID naming file and field
 */
export function loadTrainedPrompts(folder: string): TrainedPrompts | undefined {
  const path = pathOf(folder);
  if (!existsSync(path)) return undefined;
  const invalid = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("ROUTER_INVALID", `${path}: ${problem}`, {
      details: { path },
      hint: "copy the router's whole folder, or train the router again",
      ...(cause === undefined ? {} : { cause }),
    });
  const content = parseHeader(path, fileSchema, readJsonFile(path, LIMITS, invalid), "");
  const prompts = TrainedPrompts.fromJson(content);
  if (prompts !== undefined) return prompts;
  throw invalid(`hashes: expected ${content.prompts} of ${HASH_BYTES} bytes, as prompts says`);
}
