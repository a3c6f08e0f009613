/** Which state of a model answers, as rows of the store say it. */
import type { PoolModel } from "./pool.ts";

export interface ResponseIdentity {
  readonly modelRevision: string;
  /** Hash of the chat template; "provider" where the provider applies its own. */
  readonly template: string;
}

/** Opens no model; local models are hashed. */
export async function responseIdentity({ name, revision, upstream }: PoolModel): Promise<ResponseIdentity> {
  const identity = await upstream.identity?.();
  return {
    modelRevision: identity?.revision ?? revision ?? name,
    template: identity?.template ?? "provider",
  };
}
