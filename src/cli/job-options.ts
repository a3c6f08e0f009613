/** Options of commands whose work lies in the store's queue: what it may cost, how much at once, how long a process is waited for. */
import type { Command } from "commander";
import type { PromptFilter } from "../judged/index.ts";
import { durationSeconds, nameList, numberBetween, wholeNumber } from "./flags.ts";

export interface JobFlags {
  readonly domain?: readonly string[];
  readonly split?: readonly string[];
  readonly source?: readonly string[];
  readonly budgetUsd?: number;
  readonly budgetTokens?: number;
  readonly concurrency: number;
  readonly lease: number;
  readonly json?: boolean;
}

/** How the command names its work and what it is done on. */
export interface JobWords {
  /** Such as "prompts of these sources only". */
  readonly source: string;
  /** Plural, such as "answers". */
  readonly results: string;
  /** What calls at once are, such as "calls at once to one provider". */
  readonly atOnce: string;
}

export function addJobOptions(command: Command, { source, results, atOnce }: JobWords): Command {
  return command
    .option("--domain <names>", "prompts of these domains only", nameList)
    .option("--split <names>", "prompts of these splits only", nameList)
    .option("--source <names>", source, nameList)
    .option("--budget-usd <x>", `dollars for all ${results} together`, numberBetween("--budget-usd", 0, 1e9))
    .option("--budget-tokens <n>", "tokens read and written together", wholeNumber("--budget-tokens", 0))
    .option("--concurrency <n>", `most ${atOnce}`, wholeNumber("--concurrency", 1), 64)
    .option(
      "--lease <time>",
      "after how long the items of a dead process go to others",
      durationSeconds("--lease"),
      60,
    )
    .option("--json", "machine-readable report");
}

export function filterOf({ domain, split, source }: JobFlags): PromptFilter {
  return {
    ...(domain !== undefined && { domains: domain }),
    ...(split !== undefined && { splits: split }),
    ...(source !== undefined && { sources: source }),
  };
}

/** What `sample` and `judgeStore` are told of the flags. */
export const jobLimits = ({ budgetUsd, budgetTokens, concurrency, lease }: JobFlags) => ({
  budget: { usd: budgetUsd, tokens: budgetTokens },
  maxConcurrency: concurrency,
  leaseMs: lease * 1000,
});
