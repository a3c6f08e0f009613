/** The judged record: one prompt, every candidate's response and its score. */

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface JudgedCandidate {
  readonly response: string;
  /** Higher is better; comparable between the candidates of one prompt. */
  readonly score: number;
  readonly tokens?: number;
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
