/** Makes the verdicts of a judging job. */
import type { PromptRow, ResponseRow, Spending } from "../../judged/index.ts";
import { isOverload } from "../../pool/index.ts";
import type { Slot } from "../../pool/sampling/adaptive-concurrency.ts";
import { type QueueOptions, QueueWorker, type ReadyItem } from "../../pool/sampling/queue-worker.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Verdict } from "../judge.ts";
import { type Assessed, collected, isPairJudge, type JudgingJob, keyOf, parseItem, rowOf } from "./plan.ts";
import { Tally } from "./tally.ts";

export interface JudgingWorkerOptions extends QueueOptions {
  readonly job: JudgingJob;
}

/** Items fetched at once: enough that fetching is rare beside verdicts that take a millisecond. */
const LEAST_CLAIM = 64;

interface Ready extends ReadyItem {
  readonly prompt: PromptRow;
  readonly answers: Assessed;
}

export class JudgingWorker extends QueueWorker<Ready> {
  readonly tally = new Tally();
  readonly #options: JudgingWorkerOptions;

  constructor(options: JudgingWorkerOptions) {
    super(options, LEAST_CLAIM);
    this.#options = options;
  }

  /** Items that have their verdict by now are finished at once. */
  protected override async read(items: readonly string[]): Promise<readonly Ready[]> {
    const { store, job } = this.#options;
    const keyed = items.map((item) => ({ item, key: keyOf(job, parseItem(item)) }));
    const existing = await store.existing(
      "judgements",
      keyed.map(({ key }) => key),
    );
    const responseKeys = [...new Set(items.flatMap(parseItem))];
    const responses = byKey(await collected(store.responses({ keys: responseKeys })));
    const promptKeys = [...new Set([...responses.values()].map(({ promptKey }) => promptKey))];
    const prompts = byKey(await collected(store.prompts({ keys: promptKeys })));
    const ready: Ready[] = [];
    for (const { item, key } of keyed) {
      const answers = parseItem(item).flatMap((one) => responses.get(one) ?? []) as ResponseRow[];
      const prompt = prompts.get(answers[0]?.promptKey ?? "");
      if (existing.has(key)) this.leases.finish({ item });
      // Rows that were taken out of the store since need no verdict.
      else if (prompt === undefined || answers.length < parseItem(item).length) {
        this.leases.finish({ item, isFailed: true });
      } else ready.push({ item, prompt, answers: answers as unknown as Assessed });
    }
    return ready;
  }

  protected override expected({ prompt, answers }: Ready): Spending {
    return this.#options.job.judge.mostSpent?.(prompt, answers) ?? { usd: 0, tokens: 0 };
  }

  protected override async work(next: Ready, slot: Slot, lease: AbortSignal): Promise<void> {
    const { job } = this.#options;
    let verdict: Verdict | undefined;
    try {
      verdict = await this.#verdictOn(next, lease);
      this.succeeded();
    } catch (failure) {
      if (lease.aborted) return;
      if (!TuttiError.is(failure)) throw failure;
      if (isOverload(failure)) slot.overloaded();
      this.tally.addFailure(failure);
      // What is wrong with a prompt's reference is no sign of a judge that fails.
      if (failure.code === "JUDGE_INVALID" || !this.endsJob(failure)) {
        this.leases.finish({ item: next.item, isFailed: true });
      }
      return;
    } finally {
      slot.release(verdict !== undefined);
    }
    this.tally.addVerdict(next.answers, verdict);
    const row = rowOf(job, next.item, verdict, new Date().toISOString());
    this.leases.finish({ item: next.item, judgements: [row] });
  }

  async #verdictOn({ prompt, answers: [first, second] }: Ready, signal: AbortSignal): Promise<Verdict> {
    const { judge } = this.#options.job;
    return isPairJudge(judge)
      ? await judge.compare(prompt, first, second!, { signal })
      : await judge.judge(prompt, first, { signal });
  }
}

function byKey<Row extends { readonly key: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.key, row]));
}
