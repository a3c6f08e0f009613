/** Work measured in a process of its own, so that the peak of memory is its own. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export interface Once {
  readonly seconds: number;
  readonly peakRssBytes: number;
}

/** Runs one of our scripts (in this folder) or one of the peers' and reads what its last line says. @throws with what it said on stderr */
export function once(runtime: "node" | "python", script: string, ...args: readonly string[]): Once {
  const here = import.meta.dirname;
  const [command, first] =
    runtime === "node"
      ? [process.execPath, ["--import", "tsx", join(here, script)]]
      : [process.env.TUTTI_PYTHON ?? "python3", [join(here, "../peers", script)]];
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script} ${args[0]}: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Once;
}
