/** Which prompts belong to a run: the list that the first stage writes and all others read. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { writePartsAtomic } from "../../support/atomic-file.ts";

export interface ListedPrompt {
  readonly key: string;
  readonly domain: string;
  readonly part: "train" | "holdout";
}

export const PROMPT_LIST = "prompts.jsonl";

/** SHA-256 of what was written. */
export function writePromptList(path: string, prompts: readonly ListedPrompt[]): string {
  const hash = createHash("sha256");
  const lines = function* (): Generator<string> {
    for (const { key, domain, part } of prompts) {
      const line = `${JSON.stringify({ key, domain, part })}\n`;
      hash.update(line);
      yield line;
    }
  };
  writePartsAtomic(path, lines());
  return hash.digest("hex");
}

export function readPromptList(path: string): ListedPrompt[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ListedPrompt);
}

/** Keys of a domain's prompts, in the order of the list. */
export const promptKeys = (
  prompts: readonly ListedPrompt[],
  domain: string,
  part: ListedPrompt["part"],
): string[] => prompts.filter((one) => one.domain === domain && one.part === part).map(({ key }) => key);
