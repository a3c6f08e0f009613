declare module "amaro" {
  /** Throws a text where the source does not parse. */
  export function transformSync(
    source: string,
    options: { mode: "strip-only" | "transform" },
  ): { readonly code: string };
}
