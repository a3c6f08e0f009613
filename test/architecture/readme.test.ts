/** The README's program is one that the type checker reads: examples/ten-lines.ts, with the package's name for its source. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("the README shows examples/ten-lines.ts", () => {
  const [, program] = /^```ts\n(.*?)^```/ms.exec(read("README.md"))!;
  expect(program).toBe(read("examples/ten-lines.ts").replace("../src/index.ts", "tutti"));
});
