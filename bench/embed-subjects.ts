/** The subjects of the embedding benchmarks: the same for every mode. */
import { type EmbedMode, MODEL_FOLDER, TEXTS_FILE } from "./embed-work.ts";
import type { Benchmark, Subject } from "./subject.ts";

const PEERS = ["sentence-transformers", "transformers.js"] as const;

/** Tutti in float32 and 8 bits and its peers in one mode; names end in `suffix`. */
export function embedSubjects(mode: EmbedMode, suffix = ""): readonly Subject[] {
  const node = (name: string, script: string, ...args: string[]): Subject => ({
    name: name + suffix,
    runtime: "node",
    script,
    args: [mode, ...args],
  });
  return [
    node("tutti", "subjects/tutti-embed.ts", "32"),
    node("tutti-int8", "subjects/tutti-embed.ts", "8"),
    {
      name: `sentence-transformers${suffix}`,
      runtime: "python",
      script: "peers/sentence_transformers_embed.py",
      args: [mode, TEXTS_FILE, MODEL_FOLDER],
    },
    node("transformers.js", "peers/transformers-js-embed.ts"),
  ];
}

export const embedRatios = (suffix = ""): Benchmark["ratios"] =>
  ["tutti", "tutti-int8"].flatMap((ours) => PEERS.map((peer) => [ours + suffix, peer + suffix] as const));
