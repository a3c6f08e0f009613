/** How a baseline becomes saved data: a JSON header that names its kind, and named arrays. */
import type { BundleContent } from "../bundle.ts";
import type { Embedder } from "../embedding/index.ts";
import type { Router } from "../router.ts";

export interface SavableRouter extends Router {
  /** Set when the router looks at prompt embeddings. */
  readonly embedder?: Embedder;
  /** `header` holds `kind`, which names the class that reads it back. */
  toContent(): BundleContent;
}
