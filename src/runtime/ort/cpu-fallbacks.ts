/** Which nodes of a graph a provider leaves to the CPU: read from the profile of one run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Graph, Value } from "../../graph/ir.ts";
import type { Feeds } from "../backend.ts";
import { OrtExecutable } from "./executable.ts";
import { loadOrt } from "./load.ts";
import { type ExecutionProvider, requireProvider } from "./providers.ts";
import { openSession } from "./session.ts";

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

/**
 * Runs the graph once on the provider.
 *
 * @returns for each ONNX operator that ran on the CPU, how many nodes did; empty when all ran on the provider
 * @throws {TuttiError} PROVIDER_UNAVAILABLE, BACKEND_FAILED, and what {@link Executable.run} throws for wrong feeds
 */
export async function findCpuFallbacks(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  feeds: Feeds,
  provider: ExecutionProvider,
): Promise<Readonly<Record<string, number>>> {
  const ort = await loadOrt();
  await requireProvider(ort, provider, 0);
  const folder = mkdtempSync(join(tmpdir(), "tutti-profile-"));
  try {
    const profileFilePrefix = join(folder, "profile");
    const settings = { provider, deviceId: 0, threads: 1, profileFilePrefix };
    const executable = new OrtExecutable(
      ort,
      await openSession(ort, graph, outputs, settings),
      graph,
      outputs,
    );
    try {
      await executable.run(feeds);
    } finally {
      // The profile is written when the session is released.
      await executable.dispose();
    }
    const counts: Record<string, number> = {};
    for (const name of readdirSync(folder)) {
      const events = JSON.parse(readFileSync(join(folder, name), "utf8")) as readonly ProfileEvent[];
      for (const { cat, args } of events) {
        if (cat !== "Node" || args?.op_name === undefined) continue;
        if (args.provider === "CPUExecutionProvider") counts[args.op_name] = (counts[args.op_name] ?? 0) + 1;
      }
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
