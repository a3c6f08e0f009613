/** `tutti pool check`: asks every model of the pool once and says what works. */
import { Command } from "commander";
import { loadPool } from "../../gateway/index.ts";
import { checkModel, type FeatureState, type ModelCheck } from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { interruptSignal, printable, printResult } from "../io.ts";
import { modelPath } from "../model-source.ts";

interface Flags {
  readonly pool: string;
  readonly features?: boolean;
  readonly json?: boolean;
}

const LONGEST_ANSWER_CHARACTERS = 40;

export function poolCheckCommand(): Command {
  return new Command("check")
    .summary("ask every model once and say what works")
    .argument("[models...]", "names of the pool; all of them when absent")
    .requiredOption("--pool <file>", "pool.yaml")
    .option("--features", "also try streaming, log-probabilities and continuation scores")
    .option("--json", "machine-readable")
    .addHelpText("after", "\nExample:\n  tutti pool check --pool pool.yaml --features")
    .action(async (models: readonly string[], flags: Flags) => {
      await run(models, flags);
    });
}

async function run(names: readonly string[], flags: Flags): Promise<void> {
  const pool = await loadPool(flags.pool, {
    resolveModel: modelPath,
    ...(names.length > 0 && { models: names }),
  });
  const signal = interruptSignal();
  const checks: ModelCheck[] = [];
  try {
    for (const model of pool.models) {
      const check = await checkModel(model, { signal, withFeatures: flags.features ?? false });
      checks.push(check);
      if (!flags.json) printResult(linesOf(check).join("\n"));
    }
  } catch (thrown) {
    if (signal.aborted) throw new TuttiError("INTERRUPTED", "stopped before every model was asked");
    throw thrown;
  } finally {
    await pool.close();
  }
  if (flags.json) printResult(JSON.stringify({ models: checks }, null, 2));
  const failed = checks.filter(({ isWorking }) => !isWorking);
  if (failed.length > 0) {
    throw new TuttiError(
      "UPSTREAM_FAILED",
      `${failed.length} of ${checks.length} models do not work: ${failed.map(({ name }) => name).join(", ")}`,
    );
  }
}

function linesOf(check: ModelCheck): string[] {
  const head = `${check.isWorking ? "works" : "FAILS"}  ${printable(check.name)} (${check.provider})`;
  if (check.failure !== undefined) {
    const { code, message, hint } = check.failure;
    return [
      head,
      `  ${code}: ${printable(message)}`,
      ...(hint === undefined ? [] : [`  ${printable(hint)}`]),
    ];
  }
  const tokens =
    check.promptTokens === undefined
      ? "no token counts"
      : `${check.promptTokens} + ${check.completionTokens} tokens, $${(check.costUsd ?? 0).toFixed(6)}`;
  const answer = JSON.stringify((check.answer ?? "").slice(0, LONGEST_ANSWER_CHARACTERS));
  const features = Object.entries(check.features ?? {}).map(
    ([name, state]) => `  ${name}: ${stateText(state)}`,
  );
  return [`${head}  ${check.latencyMs.toFixed(0)} ms, ${tokens}: ${printable(answer)}`, ...features];
}

const stateText = (state: FeatureState): string =>
  typeof state === "string" ? state : `${state.code}: ${printable(state.message)}`;
