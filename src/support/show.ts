/** Values received from files, as error messages quote them. */

/**
 * The value as JSON, at most `limit` characters long: "nothing" for undefined, a word for what has no JSON or is nested
 * too deeply to be written.
 */
export function shown(value: unknown, limit = 80): string {
  let json: string;
  try {
    json = (typeof value === "bigint" ? `${value}` : JSON.stringify(value)) ?? "nothing";
  } catch {
    json = `a value of type ${typeof value} without JSON`;
  }
  return json.length > limit ? `${json.slice(0, limit - 3)}...` : json;
}
