import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const { exports: subpaths } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  exports: Record<string, string | { default: string }>;
};

/** The difference in this snapshot is the API review. */
test.each(Object.keys(subpaths).filter((subpath) => subpath !== "./package.json"))(
  "public names of %s",
  async (subpath) => {
    const entry = subpaths[subpath]!;
    const built = typeof entry === "string" ? entry : entry.default;
    const source = join(ROOT, built.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
    const names = Object.keys((await import(source)) as object).sort();
    expect(names).toMatchSnapshot();
  },
);
