/** The judged record: one prompt, every candidate's response and its score. */

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** One answer of one candidate. */
export interface JudgedSample {
  readonly response: string;
  readonly score: number;
}

export interface JudgedCandidate extends JudgedSample {
  /** Higher is better; comparable between the candidates of one prompt. The mean where there are several samples. */
  readonly score: number;
  readonly tokens?: number;
  /** All sampled answers, where the candidate was asked more than once; `response` is one of them. */
  readonly samples?: readonly JudgedSample[];
  readonly [extra: string]: unknown;
}

export interface JudgedRecord {
  readonly id: string;
  readonly benchmark: string;
  readonly split?: string;
  readonly prompt: string | readonly ChatMessage[];
  readonly candidates: Readonly<Record<string, JudgedCandidate>>;
  readonly [extra: string]: unknown;
}

/** The text of a prompt; chat messages are joined by blank lines, in order. */
export function promptText(prompt: JudgedRecord["prompt"]): string {
  return typeof prompt === "string" ? prompt : prompt.map((message) => message.content).join("\n\n");
}

/** Every sampled answer of a candidate: at least one. */
export function samplesOf(candidate: JudgedCandidate): readonly JudgedSample[] {
  return candidate.samples ?? [candidate];
}
