/** A real browser for tests: Debian's Chromium, or the one that TUTTI_CHROMIUM names, driven over its DevTools pipe. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

export const CHROMIUM: string = process.env.TUTTI_CHROMIUM ?? "/usr/bin/chromium";
export const hasChromium: boolean = existsSync(CHROMIUM);

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description?: string };
  };
}

/** One page of a browser of its own. Messages are JSON, ended by a zero byte (Chrome DevTools Protocol). */
export class ChromiumPage {
  private readonly child: ChildProcess;
  private readonly profile: string;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private session: string | undefined;
  private next = 1;

  private constructor() {
    this.profile = mkdtempSync(join(tmpdir(), "tutti-chromium-"));
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
    ];
    const args = [
      ...flags,
      "--hide-scrollbars",
      `--user-data-dir=${this.profile}`,
      "--remote-debugging-pipe",
    ];
    this.child = spawn(CHROMIUM, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let rest = "";
    (this.child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop()!;
      for (const message of messages) {
        const answer = JSON.parse(message) as Answer;
        if (answer.id !== undefined) this.waiting.get(answer.id)?.(answer);
      }
    });
    const end = (): void => {
      for (const answer of this.waiting.values()) answer({ error: { message: "the browser ended" } });
    };
    this.child.once("error", end);
    this.child.once("close", end);
  }

  static async open(url: string, size = { width: 900, height: 900 }): Promise<ChromiumPage> {
    const page = new ChromiumPage();
    const { targetId } = (await page.send("Target.createTarget", {
      url: "about:blank",
      newWindow: true,
      ...size,
    })) as {
      targetId: string;
    };
    const attached = await page.send("Target.attachToTarget", { targetId, flatten: true });
    page.session = (attached as { sessionId: string }).sessionId;
    await page.send("Page.navigate", { url });
    return page;
  }

  /** Value of an expression in the page, awaited when it is a promise. @throws what it throws */
  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await this.send("Runtime.evaluate", options)) as Evaluated;
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value as T;
  }

  /** Waits for an expression to be true. @throws after `limitMs` */
  async until(expression: string, limitMs = 30_000): Promise<void> {
    const endsAt = performance.now() + limitMs;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (performance.now() > endsAt) throw new Error(`not true within ${limitMs} ms: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The page as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = (await this.send("Page.captureScreenshot", { format: "png" })) as { data: string };
    return Buffer.from(data, "base64");
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("close", resolve));
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    // Asked of the browser, not of the page: its other processes end with it, and leave the profile alone.
    this.session = undefined;
    await this.send("Browser.close", {});
    await ended;
    clearTimeout(killer);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private send(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.next++;
    const message = { id, method, params, ...(this.session !== undefined && { sessionId: this.session }) };
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result);
      });
      (this.child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    });
  }
}
