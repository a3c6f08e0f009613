/** Python for tests that check what its users get: the interpreter of TUTTI_PYTHON, or python3. */
import { spawnSync } from "node:child_process";

const PYTHON = process.env.TUTTI_PYTHON ?? "python3";

/** What is missing for scripts that import `packages`; undefined when nothing is. */
export function pythonLacks(packages: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(PYTHON, ["-c", `import ${packages.join(", ")}`], {
    encoding: "utf8",
  });
  if (error) return `${PYTHON}: ${error.message}`;
  return status === 0 ? undefined : `${PYTHON}: ${stderr.trim().split("\n").at(-1)}`;
}

/** Runs a script to its end. @throws with what it said when it fails */
export function runPython(args: readonly string[], input = ""): string {
  const { error, status, stdout, stderr } = spawnSync(PYTHON, args, {
    input,
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${args[0]} ended with ${status}: ${stderr}`);
  return stdout;
}
