/** How a graph uses its parameters: what decides in which form each can be stored. */
import { inputKind, inputName, type Node } from "../graph/ir.ts";

export interface WeightUses {
  /** W [F, H] in products x W^T. */
  readonly products: ReadonlySet<string>;
  /** W [H, F] in products x W. */
  readonly turnedProducts: ReadonlySet<string>;
  /** Tables of `tableRows` rows that are looked up. */
  readonly tables: ReadonlySet<string>;
  /** Used in any other way. */
  readonly others: ReadonlySet<string>;
}

/** The uses of every parameter among `nodes`; a tied embedding is a product and a table. */
export function weightUses(nodes: readonly Node[], tableRows: number): WeightUses {
  const uses = {
    products: new Set<string>(),
    turnedProducts: new Set<string>(),
    tables: new Set<string>(),
    others: new Set<string>(),
  };
  for (const { op, inputs, attributes } of nodes) {
    for (const [index, input] of inputs.entries()) {
      if (inputKind(input) !== "parameter") continue;
      const isFactor = op === "matmul" && index === 1;
      const isTable = op === "gather_rows" && input.shape[0] === tableRows;
      const use = isTable
        ? uses.tables
        : !isFactor
          ? uses.others
          : attributes.transposeB
            ? uses.products
            : uses.turnedProducts;
      use.add(inputName(input));
    }
  }
  return uses;
}
