/** `GET /healthz`: the process is up and can route. */
import type { GatewayApp, GatewayParts } from "../gateway-env.ts";

export function addHealth(app: GatewayApp, { pool, router }: GatewayParts): void {
  app.get("/healthz", (context) =>
    context.json({ status: "ok", router: router?.name ?? null, models: pool.models.length }),
  );
}
