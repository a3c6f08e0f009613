/** Decision policies: what a policy may ask for, what it is given, and what it answers. All of it is plain data. */
import type { BudgetState, BudgetTerms } from "./budget.ts";

export const CHOICES = ["best-quality", "quality-minus-cost", "cheapest", "budget"] as const;

/**
 * How to choose. Steps apply in this order: constraints (lists, context length, tools, images), money left, latency bar,
 * quality bar, choice, abstention.
 */
export interface Policy {
  /**
   * best-quality        highest expected quality
   * quality-minus-cost  highest quality - lambda x cost
   * cheapest            lowest expected cost; with a quality bar, the cheapest that reaches it
   * budget              highest quality - price x cost, with a price that follows the spending
   */
  readonly choose: (typeof CHOICES)[number];
  /** lambda: how much quality one US dollar must buy. */
  readonly qualityPerUsd?: number | undefined;
  readonly budget?: BudgetTerms | undefined;
  /** Candidates expected to be worse are left out. */
  readonly qualityBar?: number | undefined;
  /** Candidates expected to be slower are left out; those of unknown speed stay. */
  readonly latencyBarMs?: number | undefined;
  /** Whether a bar that nobody reaches, or an empty budget, is an error; otherwise the nearest candidate is taken. */
  readonly strict?: boolean | undefined;
  /** Only these may be chosen. */
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  /** Hands unsure decisions to one model, which keeps to constraints, money and bars too. */
  readonly abstain?: Abstention | undefined;
}

export interface Abstention {
  readonly model: string;
  /** When the chosen candidate is expected to be worse than this. */
  readonly qualityBelow?: number | undefined;
  /** When the best expected quality is ahead of the second by less than this. */
  readonly marginBelow?: number | undefined;
}

/** What is expected of one candidate; undefined where nothing is known. */
export interface CandidateEstimate {
  readonly model: string;
  /** In [0, 1]. */
  readonly quality?: number | undefined;
  readonly costUsd?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly completionTokens?: number | undefined;
  readonly contextWindowTokens?: number | undefined;
  /** False for a model known to be without. */
  readonly supportsTools?: boolean | undefined;
  readonly supportsImages?: boolean | undefined;
}

/** What the request asks for. */
export interface PromptFacts {
  readonly promptTokens: number;
  /** The client's limit on the answer. */
  readonly maxCompletionTokens?: number | undefined;
  /** Answers asked for at once, each of them paid; 1 without. */
  readonly answers?: number | undefined;
  readonly hasTools: boolean;
  readonly hasImages: boolean;
}

export interface PolicyInput {
  /** The router's candidates, in order; earlier ones win ties. */
  readonly estimates: readonly CandidateEstimate[];
  /** The model that abstention names, when it is none of the candidates. */
  readonly standby?: CandidateEstimate | undefined;
  readonly prompt: PromptFacts;
  /** Needed by the choice `budget`. */
  readonly budget?: BudgetState | undefined;
}

export interface Exclusion {
  readonly model: string;
  /** A clause: "its context window of 4,096 tokens is shorter than ...". */
  readonly reason: string;
}

export interface PolicyDecision {
  readonly model: string;
  /** Sentences for people, with the numbers that decided. */
  readonly explanation: string;
  readonly excluded: readonly Exclusion[];
}

/** Candidates still in the running, and those that are not. */
export interface Selection {
  readonly kept: readonly CandidateEstimate[];
  readonly excluded: readonly Exclusion[];
  /** What has to be said about the step, if anything. */
  readonly note?: string | undefined;
}

/** One candidate and why. */
export interface Choice {
  readonly chosen: CandidateEstimate;
  readonly sentence: string;
}
