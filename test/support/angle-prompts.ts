/** Prompts that are angles, so that a router's geometry can be planted and checked by hand. */
import type { JudgedRecord } from "../../src/judged/record.ts";
import type { Embedder } from "../../src/routing/embedding/index.ts";
import type { RoutingQuery } from "../../src/routing/router.ts";

/** Prompts are angles in degrees, embedded on the unit circle; "?" has no known feature. */
export class AngleEmbedder implements Embedder {
  readonly kind: string = "angle";
  readonly dimension: number = 2;

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map((text) => {
      const angle = (Number(text) * Math.PI) / 180;
      return text === "?" ? new Float32Array(2) : Float32Array.of(Math.cos(angle), Math.sin(angle));
    });
  }
}

/** A record whose candidates are named a, b, c, ... in the order of the scores. */
export function angleRecord(
  id: string,
  benchmark: string,
  prompt: string,
  scores: readonly number[],
  responses: readonly string[] = [],
): JudgedRecord {
  const candidates = scores.map(
    (score, index) => ["abcdefghij"[index]!, { response: responses[index] ?? "", score }] as const,
  );
  return { id, benchmark, prompt, candidates: Object.fromEntries(candidates) };
}

export const angleQuery = (prompt: string, domain?: string): RoutingQuery => ({
  id: `q-${prompt}`,
  prompt,
  ...(domain === undefined ? {} : { domain }),
});

/**
 * Three arcs of prompts, 40 each, on which a, b and c are best in turn; every fifth prompt of an arc is won by the next
 * candidate instead, so that there is noise to average out.
 */
export function threeArcs(): JudgedRecord[] {
  return Array.from({ length: 120 }, (_, index) => {
    const arc = index % 3;
    const spread = (Math.floor(index / 3) / 40) * 60 - 30;
    const best = index % 15 < 3 ? (arc + 1) % 3 : arc;
    const scores = [0, 1, 2].map((candidate) => (candidate === best ? 1 : 0));
    return angleRecord(`r${index}`, "arcs", (arc * 120 + spread).toFixed(3), scores);
  });
}
