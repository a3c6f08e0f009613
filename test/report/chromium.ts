/** A real browser for tests: Chromium without a window, driven over a pipe. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where the browser is, or undefined where there is none. */
export const chromiumPath = [process.env.CHROMIUM_PATH ?? "", ...PLACES].find(
  (path) => path !== "" && existsSync(path),
);

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Speaks the DevTools protocol: JSON messages that end in a zero byte, on file descriptors 3 and 4. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile = mkdtempSync(join(tmpdir(), "tutti-chromium-"));
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #sends: Writable;
  #nextId = 1;
  #rest = "";
  #session: string | undefined;
  /** Everything the page told of by events, such as requests and dialogs. */
  readonly events: Message[] = [];

  constructor(path: string) {
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
    ];
    this.#process = spawn(path, [...flags, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    this.#sends = this.#process.stdio[3] as Writable;
    const receives = this.#process.stdio[4] as Readable;
    receives.setEncoding("utf8").on("data", (text: string) => this.#receive(text));
  }

  async open(url: string): Promise<void> {
    const { targetInfos } = await this.send("Target.getTargets");
    const page = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === "page")!;
    const { sessionId } = await this.send("Target.attachToTarget", {
      targetId: page.targetId,
      flatten: true,
    });
    this.#session = String(sessionId);
    for (const domain of ["Page", "Network", "Runtime", "Log"]) await this.send(`${domain}.enable`);
    await this.send("Page.navigate", { url });
    for (let wait = 0; (await this.evaluate("document.readyState")) !== "complete" && wait < 100; wait++)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  async send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#sends.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    const killer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    // Asked of the browser, not of the page: its other processes end with it, and leave the profile alone.
    this.#session = undefined;
    await this.send("Browser.close");
    await ended;
    clearTimeout(killer);
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #receive(text: string): void {
    const parts = (this.#rest + text).split("\0");
    this.#rest = parts.pop()!;
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id === undefined) this.events.push(message);
      else {
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
      }
    }
  }
}
