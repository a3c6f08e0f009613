/** `GET /v1/decisions/ID`: which model answered, and why. */
import { TuttiError } from "../../support/errors.ts";
import type { GatewayApp, GatewayParts } from "../gateway-env.ts";
import { toWireDecision } from "../wire/decision.ts";

export function addDecisions(app: GatewayApp, { decisions }: GatewayParts): void {
  app.get("/v1/decisions/:id", (context) => {
    const id = context.req.param("id");
    const record = decisions.get(id);
    if (record !== undefined) return context.json(toWireDecision(record));
    throw new TuttiError("DECISION_NOT_FOUND", `the gateway has no decision "${id.slice(0, 100)}"`, {
      details: { param: "id" },
      hint: `ids are in the x-tutti-decision-id header of answers; the last ${decisions.capacity} decisions since the start are kept`,
    });
  });
}
