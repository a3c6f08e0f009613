/** Exported routers in Python, by the documented script: onnxruntime and tokenizers of that language. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { exportRouter } from "../../src/routing/export/index.ts";
import { writeBackbone } from "../embed/embedding-folders.ts";
import { ROOT } from "../support/command.ts";
import { pythonLacks, runPython } from "../support/python.ts";
import { PROMPTS, tinyLookahead, tinyRidge } from "../support/tiny-routers.ts";

const SCRIPT = join(ROOT, "tools/exported_router.py");
const missing = pythonLacks(["onnxruntime", "tokenizers", "numpy"]);
if (missing !== undefined) process.stderr.write(`exported routers are not tested in Python: ${missing}\n`);

const root = mkdtempSync(join(tmpdir(), "tutti-router-python-"));
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(missing !== undefined)("Python", () => {
  test.each([
    ["mlm", () => tinyLookahead("mlm")],
    ["clm", () => tinyLookahead("clm")],
    ["mlc", () => tinyLookahead("mlc")],
    ["ridge", () => tinyRidge(writeBackbone(join(root, "bert"), "bert"))],
  ] as const)("%s: equal scores, in one padded batch", async (name, make) => {
    const router = make();
    const folder = join(root, name);
    exportRouter(router, folder);
    const received = JSON.parse(runPython([SCRIPT, folder, "--json"], JSON.stringify(PROMPTS))) as number[][];
    const expected = await router.scores(PROMPTS.map((prompt) => ({ id: "", prompt })));
    for (const [row, scores] of expected.entries()) {
      for (const [column, score] of scores.entries()) {
        expect(received[row]![column], `${PROMPTS[row]}, candidate ${column}`).toBeCloseTo(score, 4);
      }
    }
  });

  test("a changed file is refused", () => {
    const folder = join(root, "changed");
    exportRouter(tinyLookahead("mlc"), folder);
    const path = join(folder, "manifest.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("middle-model", "muddle-model"));
    expect(() => runPython([SCRIPT, folder, "prompt"])).toThrow(/manifest\.json was changed/);
  });
});
