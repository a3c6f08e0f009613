/** The budget's state of one process, kept in a file so that a restart forgets no spending. */
import { existsSync } from "node:fs";
import { z } from "zod";
import {
  type BudgetState,
  type BudgetTerms,
  budgetAt,
  chargeBudget,
  settleBudget,
  startBudget,
} from "../routing/policy/index.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../support/json.ts";
import { type Logger, silentLogger } from "../support/logger.ts";
import { type Clock, systemClock } from "./clock.ts";

const fileSchema = z.strictObject({
  format: z.literal("tutti-budget-1"),
  periodStartMs: z.number().nonnegative(),
  spentUsd: z.number().nonnegative(),
  requests: z.int().nonnegative(),
  expectedRequests: z.number().positive(),
  qualityPerUsd: z.number().nonnegative(),
});

/** Every write is synced to disk, which takes milliseconds: at most one a second, and one at the end. */
const WRITE_EVERY_MS = 1000;

export interface BudgetLedgerOptions {
  /** Where the state is kept; in memory only without. */
  readonly path?: string | undefined;
  readonly clock?: Clock;
  /** Told when the disk refuses: requests go on, and the next write tries again. */
  readonly logger?: Logger;
}

export class BudgetLedger {
  readonly terms: BudgetTerms;
  readonly #path: string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #state: BudgetState;
  #timer: NodeJS.Timeout | undefined;

  /** @throws {TuttiError} CONFIG_INVALID when the file is damaged */
  constructor(
    terms: BudgetTerms,
    { path, clock = systemClock, logger = silentLogger }: BudgetLedgerOptions = {},
  ) {
    this.terms = terms;
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    const saved = path === undefined || !existsSync(path) ? undefined : readState(path);
    this.#state = saved ?? startBudget(terms, clock.nowMs());
  }

  /** The state now, in a new period if one has begun. */
  get state(): BudgetState {
    this.#state = budgetAt(this.#state, this.terms, this.#clock.nowMs());
    return this.#state;
  }

  /** A request goes out. Gives back what settles it: the real cost belongs to the period that was charged. */
  charge(expectedUsd: number): (realUsd: number) => void {
    const before = this.state;
    this.#state = chargeBudget(before, this.terms, expectedUsd);
    this.#changed();
    return (realUsd) => {
      if (this.state.periodStartMs !== before.periodStartMs) return;
      this.#state = settleBudget(this.#state, expectedUsd, realUsd);
      this.#changed();
    };
  }

  /** Writes now what has changed. @throws {TuttiError} FILE_WRITE_FAILED */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#path === undefined) return;
    writeFileAtomic(this.#path, `${JSON.stringify({ format: "tutti-budget-1", ...this.#state }, null, 2)}\n`);
  }

  #changed(): void {
    if (this.#path === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      try {
        this.flush();
      } catch (thrown) {
        this.#logger.error("budget-not-written", { message: messageOf(thrown) });
      }
    }, WRITE_EVERY_MS);
    this.#timer.unref();
  }
}

function readState(path: string): BudgetState {
  const fail = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("CONFIG_INVALID", `${path}: ${problem}`, {
      cause,
      details: { path },
      hint: "remove the file to start the budget anew",
    });
  const parsed = fileSchema.safeParse(readJsonFile(path, CONFIGURATION_LIMITS, fail));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw fail(`${issue.path.join(".")}: ${issue.message}`);
  }
  const { format: _, ...state } = parsed.data;
  return state;
}
