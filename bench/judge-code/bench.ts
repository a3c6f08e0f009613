import { writePrograms } from "../judge-code-work.ts";
import type { Benchmark, Subject } from "../subject.ts";

await writePrograms();

const tutti = (workers: number): Subject => ({
  name: `tutti-${workers}`,
  runtime: "node",
  script: "subjects/tutti-judge-code.ts",
  args: [String(workers)],
});
const runner = (workers: number): Subject => ({
  name: `exec-runner-${workers}`,
  runtime: "python",
  script: "peers/exec_runner.py",
  args: [String(workers)],
});

/**
 * 200 recorded answers to MBPP with their tests, one and two at a time: in Tutti's sandbox, and as the HumanEval evaluator does
 * it, with `exec` in a CPython process forked for each program, which protects the machine from accidents and from nothing
 * else. Workers are warm before the first round; every program is run every round. 1 / median is programs per second.
 */
export const benchmark: Benchmark = {
  name: "judge-code",
  unit: "seconds per program",
  subjects: [tutti(1), runner(1), tutti(2), runner(2)],
  ratios: [
    ["tutti-1", "exec-runner-1"],
    ["tutti-2", "exec-runner-2"],
  ],
};
