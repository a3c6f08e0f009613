/** `--provider`: what computes, for every command that computes. */
import { Option } from "commander";
import {
  type Backend,
  createOrtBackend,
  EXECUTION_PROVIDERS,
  type ExecutionProvider,
} from "../runtime/index.ts";

export interface ProviderFlags {
  readonly provider: ExecutionProvider;
}

export function providerOption(): Option {
  return new Option("--provider <name>", "what computes")
    .choices(EXECUTION_PROVIDERS)
    .env("TUTTI_PROVIDER")
    .default("cpu");
}

/** The backend that decides with a trained router: one prompt at a time, so one thread. */
export function decidingBackend({ provider }: ProviderFlags): Backend {
  return createOrtBackend({ threads: 1, provider });
}
