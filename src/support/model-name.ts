/** Models by the names that cards give them. */
import { basename, resolve } from "node:path";

/** The hub's name of a model, `ORG/NAME`, for `hf:` references; else that of its folder or file. */
export const modelName = (reference: string): string =>
  reference.startsWith("hf:") ? reference.slice("hf:".length) : basename(resolve(reference));
