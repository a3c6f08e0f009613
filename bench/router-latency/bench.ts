import { WORK_FOLDER, writeRouterWork } from "../router-work.ts";
import type { Benchmark, Subject } from "../subject.ts";

await writeRouterWork();

/** Decisions of a cell and round; with --quick just enough to see that it works. */
const REPEATS = process.argv.includes("--quick") ? "2" : "100";

/** RouteLLM's network takes seconds for long prompts: fewer decisions, so its p99 is its slowest decision. */
const SLOW_REPEATS = process.argv.includes("--quick") ? "2" : "20";

const torch = (mode: "eager" | "compile"): Subject => ({
  name: `torch-${mode}`,
  runtime: "python",
  script: "peers/torch_router.py",
  args: [mode, WORK_FOLDER, REPEATS],
});

/**
 * One decision of a router of MiniLM's size (22 M parameters) with three linear heads, tokenisation included: prompts of 32,
 * 128, 512 tokens, 2 to 100 candidates, alone (p50, p99) and 1, 8, 32 at once. The headline is p50 of 128 tokens and 5
 * candidates.
 */
export const benchmark: Benchmark = {
  name: "router-latency",
  unit: "milliseconds per decision",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-router.ts", args: ["f32", REPEATS] },
    { name: "tutti-int8", runtime: "node", script: "subjects/tutti-router.ts", args: ["int8", REPEATS] },
    torch("eager"),
    torch("compile"),
    {
      name: "routellm-bert",
      runtime: "python",
      script: "peers/torch_router.py",
      args: ["routellm", WORK_FOLDER, SLOW_REPEATS],
    },
  ],
  ratios: ["tutti", "tutti-int8"].flatMap((ours) =>
    ["torch-eager", "torch-compile", "routellm-bert"].map((peer) => [ours, peer] as const),
  ),
};
