/**
 * A CLM Lookahead router that takes in candidates after training: each one is an identifier embedding of its own.
 *
 * An added candidate is scored in a pass of its own, MID | prompt. Rows of the known candidates are therefore exactly
 * what they were, and so are their scores, bit for bit; the price is one pass over the prompt per added candidate.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { float32 } from "../../tensor/host-tensor.ts";
import { loadBundle, saveBundle } from "../bundle.ts";
import { candidateEvidence } from "../growth/candidate-evidence.ts";
import type { GrowableModel } from "../growth/growable.ts";
import { embeddingRow, embeddingTable, settingsOfOne, trainIdentifier } from "./candidate-training.ts";
import { LookaheadRouter } from "./lookahead-router.ts";

const FORMAT = "tutti-added-candidates";
const headerSchema = z.object({
  candidates: z.array(z.string().min(1)).min(1),
  hiddenSize: z.int().positive(),
});

interface AddedCandidate {
  readonly name: string;
  readonly embedding: Float32Array;
  readonly router: LookaheadRouter;
}

export class GrowableLookaheadRouter extends LookaheadRouter implements GrowableModel {
  private readonly base: LookaheadRouter;
  private readonly added: readonly AddedCandidate[];

  /**
   * @param base the model as it was trained
   * @param learned identifier embeddings of the candidates added since, in order
   */
  constructor(base: LookaheadRouter, learned: ReadonlyMap<string, Float32Array>) {
    super(base.name, base.settings, base.parameters, base.tokenizer, base.backend);
    this.base = base;
    this.added = [...learned].map(([name, embedding]) => ({
      name,
      embedding,
      router: routerOfOne(base, name, embedding),
    }));
  }

  override get candidates(): readonly string[] {
    return [...this.settings.candidates, ...this.added.map(({ name }) => name)];
  }

  override async scoresOfPrompts(prompts: readonly Int32Array[]): Promise<Float64Array[]> {
    const rows = await this.base.scoresOfPrompts(prompts);
    const columns: Float64Array[][] = [];
    for (const { router } of this.added) columns.push(await router.scoresOfPrompts(prompts));
    return rows.map((row, index) => Float64Array.of(...row, ...columns.map((column) => column[index]![0]!)));
  }

  override async dispose(): Promise<void> {
    await this.base.dispose();
    for (const { router } of this.added) await router.dispose();
  }

  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<GrowableLookaheadRouter> {
    // Checks names and answers as every growable router does; labels are made from the records themselves.
    candidateEvidence(records, this.candidates, name);
    const table = this.parameters[embeddingTable(this.settings)]!;
    const known = [
      ...this.settings.candidateTokenIds.map((id) => embeddingRow(table, id)),
      ...this.added.map(({ embedding }) => embedding),
    ];
    const embedding = await trainIdentifier(this, records, name, this.settings.candidateTokenIds[0]!, {
      names: this.candidates,
      embeddings: known,
    });
    return new GrowableLookaheadRouter(this.base, new Map([...this.learned(), [name, embedding]]));
  }

  saveGrowth(folder: string): void {
    if (this.added.length === 0) return;
    mkdirSync(folder, { recursive: true });
    saveBundle(folder, this.name, FORMAT, {
      header: {
        candidates: this.added.map(({ name }) => name),
        hiddenSize: this.added[0]!.embedding.length,
      },
      arrays: Object.fromEntries(
        this.added.map(({ embedding }, index) => [`identifiers.${index}`, embedding]),
      ),
    });
  }

  private learned(): Map<string, Float32Array> {
    return new Map(this.added.map(({ name, embedding }) => [name, embedding]));
  }
}

/**
 * The model as one that can grow, with what {@link GrowableLookaheadRouter.saveGrowth} wrote into `growthFolder`. The
 * bidirectional variants cannot and are returned as they are.
 *
 * @throws {TuttiError} ROUTER_INVALID naming file and field
 */
export function growableLookahead(base: LookaheadRouter, growthFolder: string | undefined): LookaheadRouter {
  if (base.settings.variant !== "clm") return base;
  if (growthFolder === undefined || !existsSync(join(growthFolder, `${base.name}.json`))) {
    return new GrowableLookaheadRouter(base, new Map());
  }
  const { header, arrays } = loadBundle(growthFolder, base.name, FORMAT, headerSchema);
  const learned = header.candidates.map(
    (name, index) => [name, arrays.float32(`identifiers.${index}`, header.hiddenSize)] as const,
  );
  return new GrowableLookaheadRouter(base, new Map(learned));
}

/**
 * A router over one candidate that shares all weights with `base` but for a copy of the embedding table, in which the
 * first known identifier's row holds the new one: rows of one candidate contain no other.
 */
function routerOfOne(base: LookaheadRouter, name: string, embedding: Float32Array): LookaheadRouter {
  const tableName = embeddingTable(base.settings);
  const table = base.parameters[tableName]!;
  const row = base.settings.candidateTokenIds[0]!;
  const own = float32(table.shape, table.data.slice());
  own.data.set(embedding, row * embedding.length);
  const settings = settingsOfOne(base.settings, name, row);
  const parameters = { ...base.parameters, [tableName]: own };
  return new LookaheadRouter(base.name, settings, parameters, base.tokenizer, base.backend);
}
