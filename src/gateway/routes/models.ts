/** `GET /v1/models` and `GET /v1/models/NAME`. */
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import { AUTO_MODEL, type GatewayApp, type GatewayParts } from "../gateway-env.ts";

export function addModels(app: GatewayApp, { pool, router, startedSeconds }: GatewayParts): void {
  const models = [
    ...(router === undefined ? [] : [{ id: AUTO_MODEL, owned_by: "tutti" }]),
    ...pool.models.map((model) => ({ id: model.name, owned_by: model.provider })),
  ].map(({ id, owned_by }) => ({ id, object: "model", created: startedSeconds, owned_by }));
  app.get("/v1/models", (context) => context.json({ object: "list", data: models }));
  // Names may hold slashes.
  app.get("/v1/models/:name{.+}", (context) => {
    const name = context.req.param("name");
    const model = models.find(({ id }) => id === name);
    if (model !== undefined) return context.json(model);
    throw new TuttiError("MODEL_NOT_FOUND", `model: the gateway has no model "${name.slice(0, 200)}"`, {
      details: { param: "model" },
      hint:
        didYouMean(
          name,
          models.map(({ id }) => id),
        ) || "see GET /v1/models",
    });
  });
}
