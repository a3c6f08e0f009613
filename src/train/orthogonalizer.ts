/** Runs Muon's Newton-Schulz iteration on a backend: one compiled graph per matrix shape. */
import { Graph } from "../graph/ir.ts";
import type { Orthogonalize } from "../optim/muon.ts";
import { newtonSchulz } from "../optim/newton-schulz.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";

export interface Orthogonalizer {
  readonly run: Orthogonalize;
  dispose(): Promise<void>;
}

/** Compiles nothing until it is first run. */
export function createOrthogonalizer(backend: Backend): Orthogonalizer {
  const compiled = new Map<string, Executable>();
  return {
    async run(matrix) {
      const key = matrix.shape.join();
      let executable = compiled.get(key);
      if (!executable) {
        const graph = new Graph();
        const orthogonal = newtonSchulz(graph.input("matrix", "float32", matrix.shape));
        executable = await backend.compile(graph, { orthogonal });
        compiled.set(key, executable);
      }
      const { orthogonal } = await executable.run({ matrix });
      return orthogonal as Float32Tensor;
    },
    async dispose() {
      for (const executable of compiled.values()) await executable.dispose();
      compiled.clear();
    },
  };
}
