/** Feedback as people's judgements in the store; runs in the process that writes. */
import type { JudgedStore, JudgementRow, ResponseRow } from "../../judged/index.ts";
import { judgementOfLabel } from "../../judges/human/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Feedback, KeptFeedback } from "./messages.ts";
import { GATEWAY_SOURCE } from "./traffic-rows.ts";

/**
 * Said again, the same changes nothing; something else is refused unless it is another round.
 *
 * @throws {TuttiError} ANSWER_NOT_FOUND, REQUEST_INVALID (two answers to different prompts, a name of several answers),
 *   FEEDBACK_CONFLICT, each with `details.param`; STORE_*
 */
export async function keepFeedback(
  store: JudgedStore,
  feedback: Feedback,
  now: string,
): Promise<KeptFeedback> {
  const { id, rival, ...said } = feedback;
  const first = await answerNamed(store, "id", id);
  const second = rival === undefined ? undefined : await answerNamed(store, "rival", rival);
  if (second !== undefined && (second.key === first.key || second.promptKey !== first.promptKey)) {
    throw refused("REQUEST_INVALID", "rival", "names no other answer to the same messages", {
      hint: "a choice is between two answers to one conversation",
    });
  }
  const answers = new Map([first, ...(second ? [second] : [])].map((row) => [row.key, row]));
  const row = judgementOfLabel(
    { ...said, response: first.key, ...(second && { rival: second.key }) },
    { file: GATEWAY_SOURCE, line: 1 },
    {
      finder: { byKey: (key) => answers.get(key), byModel: () => undefined },
      source: GATEWAY_SOURCE,
      now,
    },
  );
  const { inserted } = await store.putJudgements([row]);
  if (inserted === 0) await checkSame(store, row);
  const { judge, judgeVersion: version, score } = row;
  return { judge, version, score: score!, isNew: inserted > 0 };
}

async function answerNamed(store: JudgedStore, field: string, name: string): Promise<ResponseRow> {
  const keys = await store.served(name);
  if (keys.length > 1) {
    throw refused("REQUEST_INVALID", field, "is the id of several answers", {
      hint: "send the id in the answer's x-tutti-decision-id header",
    });
  }
  for await (const row of store.responses({ keys })) return row;
  throw refused("ANSWER_NOT_FOUND", field, "names no answer in the store", {
    hint: "send the id of an answer, or of its x-tutti-decision-id header; requests with images or tools are not kept",
  });
}

async function checkSame(store: JudgedStore, row: JudgementRow): Promise<void> {
  for await (const known of store.judgements({ keys: [row.key] })) {
    if (known.verdict === row.verdict) return;
    throw refused("FEEDBACK_CONFLICT", "round", `missing: the same annotator has said "${known.verdict}"`, {
      hint: "name another round for a change of mind",
    });
  }
}

function refused(
  code: "ANSWER_NOT_FOUND" | "REQUEST_INVALID" | "FEEDBACK_CONFLICT",
  field: string,
  problem: string,
  { hint }: { readonly hint: string },
): TuttiError {
  return new TuttiError(code, `${field}: ${problem}`, {
    details: { param: field, reason: code === "REQUEST_INVALID" ? "invalid_value" : undefined },
    hint,
  });
}
