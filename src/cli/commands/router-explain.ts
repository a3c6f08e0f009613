/** `tutti router explain`: which model would answer a prompt, with scores and the nearest training prompts. */
import { Command } from "commander";

import { decide, loadPool } from "../../gateway/index.ts";
import { KnnRouter } from "../../routing/baselines/index.ts";
import { loadRouters, routerNamed } from "../../routing/router-folder.ts";
import { TuttiError } from "../../support/errors.ts";
import { printResult } from "../io.ts";
import { decidingBackend, type ProviderFlags, providerOption } from "../provider-option.ts";

interface Flags extends ProviderFlags {
  readonly router: string;
  readonly method?: string;
  readonly pool?: string;
  readonly json?: boolean;
}

const NEIGHBOURS = 3;

export function routerExplainCommand(): Command {
  return new Command("explain")
    .summary("show which model would answer a prompt, and why")
    .argument("<prompt>", "the prompt text")
    .requiredOption("--router <dir>", "folder of `tutti router train`")
    .option("--method <name>", "router of the folder; its default otherwise")
    .option("--pool <file>", "pool.yaml, to show costs")
    .option("--json", "machine-readable")
    .addOption(providerOption())
    .addHelpText(
      "after",
      '\nExample:\n  tutti router explain --router runs/first "Write a Python function that reverses a list."',
    )
    .action(async (prompt: string, flags: Flags) => {
      await run(prompt, flags);
    });
}

async function run(prompt: string, flags: Flags): Promise<void> {
  if (prompt.trim() === "") throw new TuttiError("INVALID_ARGUMENT", "the prompt is empty");
  const loaded = loadRouters(flags.router, decidingBackend(flags));
  const router =
    flags.method === undefined ? loaded.default : routerNamed(loaded.routers, flags.method, flags.router);
  const pool = flags.pool === undefined ? undefined : await loadPool(flags.pool);
  const decision = await decide(router, prompt, pool);
  const knn = loaded.routers.find((candidate) => candidate instanceof KnnRouter);
  const nearest = knn ? await knn.nearest(prompt, NEIGHBOURS) : [];
  if (flags.json) {
    printResult(JSON.stringify({ ...decision, nearestTrainingPrompts: nearest }, null, 2));
    return;
  }
  const width = Math.max(...decision.scores.map(({ model }) => model.length));
  const lines = [...decision.scores]
    .sort((a, b) => b.score - a.score)
    .map(({ model, score, estimatedCostUsd }) => {
      const probability = 1 / (1 + Math.exp(-score));
      const cost = estimatedCostUsd === null ? "" : `  about $${estimatedCostUsd.toFixed(6)}`;
      const share =
        router.name === "lookahead" || router.name === "mlc" ? `  p(good) ${probability.toFixed(3)}` : "";
      return `  ${model.padEnd(width)}  ${score.toFixed(4).padStart(8)}${share}${cost}`;
    });
  printResult(
    [
      `${decision.model}`,
      `  ${decision.reason} (${decision.routingMs.toFixed(1)} ms)`,
      "",
      "scores:",
      ...lines,
      "",
      "nearest training prompts:",
      ...nearest.map(
        ({ id, similarity, prompt: text }) =>
          `  ${similarity.toFixed(3)}  ${id}  ${text.replaceAll(/\s+/g, " ").slice(0, 90)}`,
      ),
    ].join("\n"),
  );
}
