/** What a parsed template says of itself, gathered once. */
export interface TemplateFacts {
  /** Nodes whose values are written to the output. */
  readonly written: WeakSet<object>;
  /** Nodes in the tree below each. */
  readonly sizes: WeakMap<object, number>;
}

/** Fields that hold the statements of a block. */
const BLOCKS = ["body", "alternate", "defaultBlock"];

function fieldsOf(node: object): (readonly [unknown, unknown])[] {
  return node instanceof Map ? [...node] : Object.entries(node);
}

const isNode = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Walks the tree by a list of what is still to see: it may be deeper than the stack. */
export function gatherFacts(program: object): TemplateFacts {
  const written = new WeakSet<object>();
  const parents = new Map<object, object>();
  const order: object[] = [program];
  for (const node of order) {
    for (const field of fieldsOf(node)) {
      for (const child of field.filter(isNode)) {
        order.push(child);
        parents.set(child, node);
      }
      const [name, value] = field;
      if (BLOCKS.includes(name as string) && Array.isArray(value))
        for (const statement of value.filter(isNode)) written.add(statement);
    }
  }
  const sizes = new WeakMap<object, number>();
  for (const node of order.reverse()) {
    const size = (sizes.get(node) ?? 0) + 1;
    sizes.set(node, size);
    const parent = parents.get(node);
    if (parent) sizes.set(parent, (sizes.get(parent) ?? 0) + size);
  }
  return { written, sizes };
}
