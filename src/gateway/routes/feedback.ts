/** `POST /v1/feedback`: what somebody thinks of an answer that was served, kept as a judgement in the store. */
import { TuttiError } from "../../support/errors.ts";
import type { GatewayApp, GatewayParts } from "../gateway-env.ts";
import { readJsonBody } from "../json-body.ts";
import { parseFeedback } from "../wire/feedback-request.ts";

export function addFeedback(app: GatewayApp, { traffic, maxBodyBytes }: GatewayParts): void {
  app.post("/v1/feedback", async (context) => {
    const feedback = parseFeedback(await readJsonBody(context.req.raw, maxBodyBytes));
    if (traffic === undefined) {
      throw new TuttiError("ANSWER_NOT_FOUND", "id: the gateway keeps no answers", {
        details: { param: "id" },
        hint: "start it with --store",
      });
    }
    const { judge, version, score, isNew } = await traffic.judge(feedback);
    const { id, rival } = feedback;
    return context.json(
      { object: "tutti.feedback", id, rival: rival ?? null, judge, version, score },
      isNew ? 201 : 200,
    );
  });
}
