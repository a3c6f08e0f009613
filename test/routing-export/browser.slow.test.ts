/** The shipped page with an exported router in a real browser: WebAssembly gives the scores that Node gives. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExampleServer, serveExample } from "../../examples/router-in-the-browser/serve.ts";
import { ExportedRouter, exportRouter } from "../../src/routing/export/index.ts";
import { CHROMIUM, ChromiumPage, hasChromium } from "../support/chromium.ts";
import { PROMPTS, tinyLookahead } from "../support/tiny-routers.ts";

if (!hasChromium) {
  process.stderr.write(`exported routers are not tested in a browser: no Chromium at ${CHROMIUM}\n`);
}

describe.skipIf(!hasChromium)("Chromium", () => {
  const root = mkdtempSync(join(tmpdir(), "tutti-router-browser-"));
  const folder = join(root, "mlm");
  const router = tinyLookahead("mlm");
  let server: ExampleServer;
  let page: ChromiumPage;

  beforeAll(async () => {
    exportRouter(router, folder);
    exportRouter(router, join(root, "mlm-int8"), { precision: "int8" });
    exportRouter(tinyLookahead("clm"), join(root, "clm"));
    server = await serveExample(folder, 0);
    page = await ChromiumPage.open(server.url);
    await page.until(`document.querySelector("#scores li")`);
  });

  afterAll(async () => {
    await page?.close();
    await server?.close();
    rmSync(root, { recursive: true });
  });

  /** Scores in the browser, by the module that the page uses. */
  async function scoresInPage(of: ChromiumPage, prompts: readonly string[]): Promise<number[][]> {
    return of.evaluate(`(async () => {
      const { openRouter } = await import("./router.js");
      const router = await openRouter("export");
      const rows = [];
      for (const prompt of ${JSON.stringify(prompts)}) rows.push((await router.scores(prompt)).scores);
      return rows;
    })()`);
  }

  function expectEqual(received: number[][], expected: readonly Float64Array[], digits: number): void {
    for (const [row, scores] of expected.entries()) {
      for (const [column, score] of scores.entries()) {
        expect(received[row]![column], `${PROMPTS[row]}, candidate ${column}`).toBeCloseTo(score, digits);
      }
    }
  }

  const queries = PROMPTS.map((prompt) => ({ id: "", prompt }));

  test("f32 mlm: the router's scores", async () => {
    expectEqual(await scoresInPage(page, PROMPTS), await router.scores(queries), 4);
  });

  async function scoresOfFolder(name: string): Promise<number[][]> {
    const other = await serveExample(join(root, name), 0);
    const itsPage = await ChromiumPage.open(other.url);
    try {
      await itsPage.until(`document.querySelector("#scores li")`);
      return await scoresInPage(itsPage, PROMPTS);
    } finally {
      await itsPage.close();
      await other.close();
    }
  }

  test("f32 clm: the router's scores", async () => {
    expectEqual(await scoresOfFolder("clm"), await tinyLookahead("clm").scores(queries), 4);
  });

  test("int8 mlm: as near the router's scores as in Node", async () => {
    const expected = await router.scores(queries);
    const spread =
      Math.max(...expected.flatMap((row) => [...row])) - Math.min(...expected.flatMap((row) => [...row]));
    const worst = (rows: readonly ArrayLike<number>[]): number =>
      Math.max(...expected.flatMap((row, r) => [...row].map((score, c) => Math.abs(score - rows[r]![c]!)))) /
      spread;
    const opened = await ExportedRouter.open(join(root, "mlm-int8"), { threads: 1 });
    expect(worst(await opened.scores(queries))).toBeLessThan(0.1);
    await opened.dispose();
    expect(worst(await scoresOfFolder("mlm-int8"))).toBeLessThan(0.1);
  });

  test("typing a prompt shows the candidates in the router's order", async () => {
    const typed = PROMPTS[2]!;
    const [expected] = await router.scores([{ id: "", prompt: typed }]);
    await page.evaluate(`(() => {
      const prompt = document.querySelector("#prompt");
      prompt.value = ${JSON.stringify(typed)};
      prompt.dispatchEvent(new Event("input"));
    })()`);
    const best = router.candidates[expected!.indexOf(Math.max(...expected!))]!;
    const first = `document.querySelector("#scores li")`;
    await page.until(`Math.abs(${first}.dataset.score - ${Math.max(...expected!)}) < 1e-4`);
    expect(await page.evaluate(`${first}.dataset.model`)).toBe(best);
    expect(await page.evaluate(`document.querySelector("#choice").textContent`)).toBe(`Ask ${best}`);
    expect(await page.evaluate(`document.querySelectorAll("#scores li").length`)).toBe(3);
  });

  test("a changed export is refused with its name", async () => {
    const message = page.evaluate(`(async () => {
      const original = window.fetch;
      window.fetch = async (url) => {
        const answer = await original(url);
        if (!String(url).endsWith("model.onnx")) return answer;
        const bytes = new Uint8Array(await answer.arrayBuffer());
        bytes[bytes.length - 100] ^= 1;
        return new Response(bytes);
      };
      const { openRouter } = await import("./router.js");
      try { await openRouter("export"); } finally { window.fetch = original; }
    })()`);
    await expect(message).rejects.toThrow("model.onnx was changed");
  });
});
