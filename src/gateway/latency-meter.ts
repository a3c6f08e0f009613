/** How fast the models of the pool answer: measured as answers come in, or as the pool file says until then. */
import type { Pool } from "../pool/index.ts";
import { fitLatency, type LatencyObservation, type LatencyProfile } from "../routing/length/index.ts";

/** Recent answers per model: enough for two numbers, few enough to follow a provider's changes. */
const REMEMBERED = 500;

export interface MeasuredAnswer extends LatencyObservation {
  readonly model: string;
}

export class LatencyMeter {
  readonly #pool: Pool;
  readonly #answers = new Map<string, LatencyObservation[]>();
  readonly #profiles = new Map<string, LatencyProfile | undefined>();

  /** @param earlier - answers measured by an earlier process; see `readLatencyLog` */
  constructor(pool: Pool, earlier: readonly MeasuredAnswer[] = []) {
    this.#pool = pool;
    for (const answer of earlier) this.observe(answer);
  }

  observe({ model, completionTokens, latencyMs }: MeasuredAnswer): void {
    const answers = this.#answers.get(model) ?? [];
    answers.push({ completionTokens, latencyMs });
    if (answers.length > REMEMBERED) answers.shift();
    this.#answers.set(model, answers);
    this.#profiles.delete(model);
  }

  /** Undefined while nothing is known. */
  profileOf(model: string): LatencyProfile | undefined {
    if (!this.#profiles.has(model)) this.#profiles.set(model, fitLatency(this.#answers.get(model) ?? []));
    return this.#profiles.get(model) ?? this.#pool.find(model)?.latency;
  }
}
