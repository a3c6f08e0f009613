import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { holdFolder } from "./hold-folder.ts";

const isSeen = process.platform === "linux" || process.platform === "win32";

test.skipIf(!isSeen)("a folder is held once, and let go of", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-hold-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const letGo = await holdFolder(folder);
  await expect(holdFolder(join(folder, "."))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await letGo();
  const again = await holdFolder(folder);
  await again();
});

test.skipIf(!isSeen)("a process that was killed holds nothing", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-hold-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = `const { holdFolder } = await import(${JSON.stringify(new URL("./hold-folder.ts", import.meta.url).href)});
    await holdFolder(${JSON.stringify(folder)}); process.stdout.write("held"); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await expect(holdFolder(folder)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  await (await holdFolder(folder))();
});
