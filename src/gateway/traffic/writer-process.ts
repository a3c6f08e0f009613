/** The writing process as the gateway sees it: one message at a time, answered or failed. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TuttiError } from "../../support/errors.ts";
import type { FromWriter, KeptFeedback, ToWriter } from "./messages.ts";

const require = createRequire(import.meta.url);
const ENTRY = fileURLToPath(new URL(`./writer${extname(import.meta.url)}`, import.meta.url));

export class WriterProcess {
  readonly #child: ChildProcess;
  #settle: ((reply: FromWriter) => void) | undefined;
  #isGone = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    const isSource = extname(ENTRY) === ".ts";
    this.#child = fork(ENTRY, [], {
      execArgv: isSource ? [`--import=${pathToFileURL(require.resolve("tsx")).href}`] : [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", (reply: FromWriter) => this.#answered(reply));
    const gone = (): void => {
      this.#isGone = true;
      this.#failed("the process that writes traffic ended");
    };
    this.#child.on("error", gone);
    this.#child.on("exit", gone);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * One message at a time: those that come meanwhile wait.
   *
   * @throws {TuttiError} STORE_FAILED with what the store said, STORE_INVALID where the rows are at fault; what is wrong with feedback
   */
  ask(message: ToWriter): Promise<KeptFeedback | undefined> {
    const asking = this.#last.then(() => this.#askNow(message));
    this.#last = asking.catch(() => undefined);
    return asking;
  }

  async #askNow(message: ToWriter): Promise<KeptFeedback | undefined> {
    const reply = await new Promise<FromWriter>((resolve) => {
      this.#settle = resolve;
      if (this.#isGone) this.#failed("the process that writes traffic is gone");
      else this.#child.send(message, (failure) => failure && this.#failed(failure.message));
    });
    if (reply.kind === "done") return undefined;
    if (reply.kind === "judged") return reply.kept;
    if (reply.kind === "refused") {
      const { code, field: param, hint } = reply;
      const details = { param, ...(code === "REQUEST_INVALID" && { reason: "invalid_value" }) };
      throw new TuttiError(code, reply.message, { details, hint });
    }
    throw new TuttiError(
      reply.isLasting ? "STORE_INVALID" : "STORE_FAILED",
      `traffic is not written: ${reply.message}`,
      {
        hint: "check the store with `tutti store check`, and that its address can be written to",
      },
    );
  }

  /** Lets it finish what it has; after `graceMs` it is ended. */
  async close(graceMs: number): Promise<void> {
    if (this.#isGone) return;
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    this.#child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  #failed(message: string): void {
    this.#answered({ kind: "failed", message, isLasting: false });
  }

  #answered(reply: FromWriter): void {
    this.#settle?.(reply);
    this.#settle = undefined;
  }
}
