/** What every provider that is reached over HTTP needs to be told. */
import type { Peer } from "./upstream-failure.ts";

export interface RemoteOptions {
  /** Name in the pool, for messages. */
  readonly name: string;
  readonly baseUrl: string;
  /** Model name that the provider knows. */
  readonly upstreamModel: string;
  readonly apiKey?: string | undefined;
  /** Variable or file that the key came from, for messages. */
  readonly apiKeyEnv?: string | undefined;
  /** Longest wait for a complete answer, or in a stream for its next part. */
  readonly timeoutMs: number;
}

/** The provider's side of calls to a path below the base URL. */
export function peerAt(options: RemoteOptions, path: string): Peer {
  return {
    model: options.name,
    url: `${options.baseUrl.replace(/\/+$/, "")}${path}`,
    apiKey: options.apiKey,
    apiKeyEnv: options.apiKeyEnv,
  };
}
