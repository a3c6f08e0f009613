/** Parameters that a model's requests have where they do not set them themselves. */
import type { ChatRequest, Upstream } from "./upstream.ts";

/** Two names of one thing: a request that sets either has set it. */
const LENGTH_LIMITS = ["max_tokens", "max_completion_tokens"];

/** The parameters with defaults filled in. */
export function withDefaults(
  defaults: Readonly<Record<string, unknown>>,
  parameters: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isLimited = LENGTH_LIMITS.some((name) => parameters[name] !== undefined);
  const applied = Object.entries(defaults).filter(([name]) => !(isLimited && LENGTH_LIMITS.includes(name)));
  return { ...Object.fromEntries(applied), ...parameters };
}

/** The upstream with default parameters; itself where there are none. */
export function withDefaultParameters(
  upstream: Upstream,
  defaults: Readonly<Record<string, unknown>> | undefined,
): Upstream {
  if (defaults === undefined) return upstream;
  const complete = (request: ChatRequest): ChatRequest => ({
    ...request,
    parameters: withDefaults(defaults, request.parameters),
  });
  return {
    ...upstream,
    chat: (request, options) => upstream.chat(complete(request), options),
    streamChat: (request, options) => upstream.streamChat(complete(request), options),
  };
}
