/** `tutti serve`: an OpenAI-compatible gateway in front of the pool, routed by a trained router. */
import { Command } from "commander";

import {
  BudgetLedger,
  createGateway,
  LatencyMeter,
  loadPool,
  parsePolicy,
  readLatencyLog,
  readPoolPolicy,
  serveGateway,
  TrafficRecorder,
} from "../../gateway/index.ts";
import { loadRouters, routerNamed, withCalibration } from "../../routing/router-folder.ts";
import { createJsonLinesLogger } from "../../support/logger.ts";
import { wholeNumber } from "../flags.ts";
import { say } from "../io.ts";
import { modelPath } from "../model-source.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface Flags extends ProviderFlags {
  readonly router: string;
  readonly pool: string;
  readonly method?: string;
  readonly policy?: string;
  readonly budgetFile?: string;
  readonly latencyLog?: string;
  readonly store?: string;
  readonly host: string;
  readonly port: number;
}

export function serveCommand(): Command {
  return new Command("serve")
    .summary("serve the pool behind one OpenAI-compatible address")
    .description(
      "POST /v1/chat/completions with model tutti/auto is routed; any model of the pool can be named instead.\n" +
        "GET /v1/decisions/ID explains a choice; its id is in the x-tutti-decision-id header of the answer.",
    )
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .requiredOption("--pool <file>", "pool.yaml")
    .option("--method <name>", "router of the folder; its default otherwise")
    .option("--policy <json>", "how to choose, in place of the pool file's policy")
    .option("--budget-file <file>", "where the spending of a budget is kept", "tutti-budget.json")
    .option("--latency-log <file>", "log of an earlier run: its measured speeds are known from the start")
    .option(
      "--store <address>",
      "a store that keeps prompts and answers in full, for `tutti judge`; nothing is kept without",
    )
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "port to listen on", wholeNumber("--port", 0), 8080)
    .addOption(providerOption())
    .addHelpText("after", "\nExample:\n  tutti serve --router runs/first --pool pool.yaml --port 8080")
    .action(async (flags: Flags) => {
      const loaded = loadRouters(flags.router, decidingBackend(flags));
      const router = withCalibration(
        loaded,
        flags.method === undefined ? loaded.default : routerNamed(loaded.routers, flags.method, flags.router),
      );
      const pool = await loadPool(flags.pool, { resolveModel: modelPath });
      const policy = flags.policy === undefined ? readPoolPolicy(flags.pool) : parsePolicy(flags.policy);
      const earlier = flags.latencyLog === undefined ? [] : readLatencyLog(flags.latencyLog);
      const logger = createJsonLinesLogger((line) => process.stderr.write(line));
      const budget = policy?.budget && new BudgetLedger(policy.budget, { path: flags.budgetFile, logger });
      const latencies = new LatencyMeter(pool, earlier);
      const traffic =
        flags.store === undefined
          ? undefined
          : await TrafficRecorder.open({ store: flags.store, pool, logger });
      try {
        const server = await serveGateway({
          app: createGateway({ pool, router, policy, budget, latencies, traffic, logger }),
          host: flags.host,
          port: flags.port,
        });
        say(`listening on ${server.url}/v1 with router ${router.name}; Ctrl-C stops`);
        await new Promise<void>((resolve) => {
          process.once("SIGINT", resolve);
          process.once("SIGTERM", resolve);
        });
        await server.close();
      } finally {
        const counts = await traffic?.close();
        if (counts !== undefined) say(`${counts.written} answers written to ${flags.store}`);
      }
      await pool.close();
      budget?.flush();
    });
}
