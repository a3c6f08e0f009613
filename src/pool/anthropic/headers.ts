/** What every call of Anthropic's API carries. */
import type { RemoteOptions } from "../remote-options.ts";

/** The version of the API that requests are written in. */
const API_VERSION = "2023-06-01";

export const anthropicHeaders = ({ apiKey }: RemoteOptions): Record<string, string> => ({
  "anthropic-version": API_VERSION,
  ...(apiKey !== undefined && { "x-api-key": apiKey }),
});
