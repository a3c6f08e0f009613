/** Secrets of the pool: from the environment or a file, named in messages by where they come from, never shown. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { readWholeFile } from "../support/read-file.ts";

export interface SecretSource {
  readonly apiKeyEnv?: string | undefined;
  readonly apiKeyFile?: string | undefined;
}

/** Far longer than any key; a key file that names something else by mistake is not read whole. */
const LONGEST_SECRET_BYTES = 1 << 16;
/** Header values are visible ASCII; anything else would fail later, in a message that quotes it. */
const HEADER_VALUE = /^[\x21-\x7e]+$/;

/** @throws {TuttiError} SECRET_MISSING naming the variable or file, never its content */
export function readSecret(
  poolFile: string,
  model: string,
  { apiKeyEnv, apiKeyFile }: SecretSource,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const missing = (what: string, details: Record<string, unknown>, hint: string, cause?: unknown) =>
    new TuttiError("SECRET_MISSING", `${poolFile}: model "${model}": ${what}`, {
      cause,
      details: { path: poolFile, model, ...details },
      hint,
    });
  if (apiKeyFile !== undefined) {
    const refuse = (problem: string, cause?: unknown) =>
      missing(
        `the key file ${apiKeyFile} ${problem}`,
        { file: apiKeyFile },
        "write the key alone into that file, or remove apiKeyFile if the server needs no key",
        cause instanceof Error ? new Error(messageOf(cause)) : undefined,
      );
    const secret = readWholeFile(apiKeyFile, LONGEST_SECRET_BYTES, refuse).toString("utf8").trim();
    if (HEADER_VALUE.test(secret)) return secret;
    throw refuse(secret === "" ? "is empty" : "holds characters that an API key cannot have");
  }
  if (apiKeyEnv === undefined) return undefined;
  const secret = environment[apiKeyEnv]?.trim();
  if (secret !== undefined && HEADER_VALUE.test(secret)) return secret;
  const problem =
    secret === undefined || secret === "" ? "is not set" : "holds characters that an API key cannot have";
  throw missing(
    `the environment variable ${apiKeyEnv} ${problem}`,
    { variable: apiKeyEnv },
    `export ${apiKeyEnv}=... before starting, or remove apiKeyEnv if the server needs no key`,
  );
}
