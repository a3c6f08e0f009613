/**
 * The process that writes traffic into a store: a database that is slow, locked or away holds up nobody who waits for an answer.
 * Started by `TrafficRecorder`; ends with its parent.
 */
import { type JudgedStore, openStore } from "../../judged/index.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { keepFeedback } from "./keep-feedback.ts";
import type { FromWriter, ToWriter } from "./messages.ts";

let url = "";
let store: JudgedStore | undefined;
let work: Promise<void> = Promise.resolve();

async function answer(message: ToWriter): Promise<FromWriter> {
  if (message.kind === "open") url = message.store;
  store ??= await openStore(url);
  if (message.kind === "write") await store.putAll(message.rows);
  if (message.kind !== "judge") return { kind: "done" };
  const now = new Date().toISOString();
  return { kind: "judged", kept: await keepFeedback(store, message.feedback, now) };
}

function failed(failure: unknown): FromWriter {
  const isKnown = TuttiError.is(failure);
  if (isKnown && isRefusal(failure.code)) {
    const { code, message, hint = "", details } = failure;
    return { kind: "refused", code, message, hint, field: String(details.param) };
  }
  const isLasting = store !== undefined && isKnown && failure.code === "STORE_INVALID";
  return { kind: "failed", message: messageOf(failure), isLasting };
}

function isRefusal(code: string): code is Extract<FromWriter, { kind: "refused" }>["code"] {
  return ["ANSWER_NOT_FOUND", "REQUEST_INVALID", "FEEDBACK_CONFLICT"].includes(code);
}

process.on("message", (message: ToWriter) => {
  work = work
    .then(() => answer(message))
    .catch(failed)
    .then((reply) => void process.send?.(reply));
});
// Ctrl-C reaches every process of the terminal; this one ends when the gateway has given it all it has.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("disconnect", () => void work.then(() => store?.close()).then(() => process.exit(0)));
