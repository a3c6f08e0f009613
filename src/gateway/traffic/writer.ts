/**
 * The process that writes traffic into a store: a database that is slow, locked or away holds up nobody who waits for an answer.
 * Started by `TrafficRecorder`; ends with its parent.
 */
import { type JudgedStore, openStore } from "../../judged/index.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import type { FromWriter, ToWriter } from "./messages.ts";

let url = "";
let store: JudgedStore | undefined;
let work: Promise<void> = Promise.resolve();

async function answer(message: ToWriter): Promise<void> {
  if (message.kind === "open") url = message.store;
  store ??= await openStore(url);
  if (message.kind === "write") await store.putAll(message.rows);
}

process.on("message", (message: ToWriter) => {
  work = work
    .then(() => answer(message))
    .then(
      (): FromWriter => ({ kind: "done" }),
      (failure: unknown): FromWriter => ({
        kind: "failed",
        message: messageOf(failure),
        isLasting: store !== undefined && TuttiError.is(failure) && failure.code === "STORE_INVALID",
      }),
    )
    .then((reply) => void process.send?.(reply));
});
// Ctrl-C reaches every process of the terminal; this one ends when the gateway has given it all it has.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("disconnect", () => void work.then(() => store?.close()).then(() => process.exit(0)));
