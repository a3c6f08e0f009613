/** How a graph uses its parameters: what decides in which form each can be stored. */
import { inputKind, inputName, type Node } from "../graph/ir.ts";

export interface WeightUses {
  /** W [F, H] in products x W^T. */
  readonly products: ReadonlySet<string>;
  /** Tables of `tableRows` rows that are looked up. */
  readonly tables: ReadonlySet<string>;
  /** Used in any other way. */
  readonly others: ReadonlySet<string>;
}

/** The uses of every parameter among `nodes`; a tied embedding is a product and a table. */
export function weightUses(nodes: readonly Node[], tableRows: number): WeightUses {
  const uses = { products: new Set<string>(), tables: new Set<string>(), others: new Set<string>() };
  for (const { op, inputs, attributes } of nodes) {
    for (const [index, input] of inputs.entries()) {
      if (inputKind(input) !== "parameter") continue;
      const isProduct = op === "matmul" && index === 1 && attributes.transposeB === true;
      const isTable = op === "gather_rows" && input.shape[0] === tableRows;
      const use = isProduct ? uses.products : isTable ? uses.tables : uses.others;
      use.add(inputName(input));
    }
  }
  return uses;
}
