import type { Benchmark } from "../subject.ts";

const MODES = ["prompt", "single", "parallel"] as const;

/**
 * SmolLM2-135M-Instruct from its Q4_1 file (output projection Q8_0) on the CPU: Tutti beside llama.cpp through
 * node-llama-cpp, both on the file's own precision. Prompt: a prompt of 512 tokens until the first token. Single: one
 * stream of 64 tokens behind its first. Parallel: 16 streams of 64 tokens, short prompts included.
 * 1000 / median is tokens per second.
 */
export const benchmark: Benchmark = {
  name: "decode",
  unit: "seconds per 1000 tokens",
  subjects: MODES.flatMap((mode) => [
    { name: `tutti-${mode}`, runtime: "node" as const, script: "subjects/tutti-decode.ts", args: [mode] },
    { name: `llama.cpp-${mode}`, runtime: "node" as const, script: "peers/llama-decode.ts", args: [mode] },
  ]),
  ratios: MODES.map((mode) => [`tutti-${mode}`, `llama.cpp-${mode}`] as const),
};
