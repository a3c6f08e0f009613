/** An exported router as a router again: what any consumer of the folder computes, in ONNX Runtime. */
import { join } from "node:path";
import { equalLengthBatches } from "../../embed/batches.ts";
import { OnnxFile, type OnnxFileOptions } from "../../runtime/index.ts";
import { int32 } from "../../tensor/host-tensor.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import type { Router, RoutingQuery } from "../router.ts";
import { type RouterExportManifest, readRouterManifest } from "./manifest.ts";
import { promptIds } from "./prompt-ids.ts";

/** Bounds the memory of activations. */
const TOKENS_PER_RUN = 2048;

export class ExportedRouter implements Router {
  readonly name: string;
  readonly manifest: RouterExportManifest;
  private readonly tokenizer: Tokenizer;
  private readonly file: OnnxFile;

  private constructor(manifest: RouterExportManifest, tokenizer: Tokenizer, file: OnnxFile) {
    this.name = manifest.method;
    this.manifest = manifest;
    this.tokenizer = tokenizer;
    this.file = file;
  }

  /**
   * @throws {TuttiError} as {@link readRouterManifest} does, which checks every file; TOKENIZER_INVALID, BACKEND_FAILED
   */
  static async open(folder: string, options: OnnxFileOptions = {}): Promise<ExportedRouter> {
    const manifest = await readRouterManifest(folder);
    const tokenizer = loadTokenizer(join(folder, manifest.tokenizer));
    return new ExportedRouter(
      manifest,
      tokenizer,
      await OnnxFile.open(join(folder, manifest.model), options),
    );
  }

  get candidates(): readonly string[] {
    return this.manifest.candidates;
  }

  /** Prompts of equal length run together, so that nothing is padded. */
  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const { tokenization } = this.manifest;
    const rows = queries.map(({ prompt }) => promptIds(tokenization, this.tokenizer, prompt));
    const scores = new Array<Float64Array>(rows.length);
    // A row without any token is a row of padding.
    const lengths = rows.map(({ length }) => Math.max(1, length));
    for (const members of equalLengthBatches(lengths, TOKENS_PER_RUN)) {
      const made = await this.run(members.map((member) => rows[member]!));
      for (const [row, member] of members.entries()) scores[member] = made[row]!;
    }
    return scores;
  }

  private async run(rows: readonly Int32Array[]): Promise<Float64Array[]> {
    const tokens = Math.max(1, rows[0]!.length);
    const inputIds = new Int32Array(rows.length * tokens).fill(this.manifest.tokenization.padId);
    const mask = new Int32Array(rows.length * tokens);
    for (const [index, row] of rows.entries()) {
      inputIds.set(row, index * tokens);
      mask.fill(1, index * tokens, index * tokens + row.length);
    }
    const { scores } = await this.file.run({
      input_ids: int32([rows.length, tokens], inputIds),
      attention_mask: int32([rows.length, tokens], mask),
    });
    const { length } = this.candidates;
    return rows.map((_, row) => Float64Array.from(scores!.data.subarray(row * length, (row + 1) * length)));
  }

  async dispose(): Promise<void> {
    await this.file.dispose();
  }
}
