/** `tutti fuse plan`: what a run would do and cost, and what of it is there. */
import { Command } from "commander";
import {
  type FusePlan,
  type PlannedAnswers,
  type PlannedTraining,
  planFuseChat,
  STAGES,
} from "../../fusion/index.ts";
import { openFusePlan } from "../fuse-context.ts";
import { interruptSignal, printable, printResult } from "../io.ts";

export function fusePlanCommand(): Command {
  return new Command("plan")
    .summary(
      "what a run would do: prompts, samples, verdicts, steps, estimated cost, and what is there already",
    )
    .description("Reads the prompts and the store. Nothing is written, and no model is asked.")
    .argument("<config>", "fuse.yaml")
    .requiredOption("--out <dir>", "folder of the run, which need not be there yet")
    .option("--json", "machine-readable plan")
    .addHelpText("after", "\nExample:\n  tutti fuse plan fuse.yaml --out runs/fused")
    .action(run);
}

interface Flags {
  readonly out: string;
  readonly json?: true;
}

async function run(configFile: string, flags: Flags): Promise<void> {
  const { context, close } = await openFusePlan(configFile, flags.out, interruptSignal());
  try {
    const plan = await planFuseChat(context);
    printResult(flags.json ? JSON.stringify(plan, null, 2) : linesOf(plan).map(printable).join("\n"));
  } finally {
    await close();
  }
}

const range = ([least, most]: readonly [number, number]): string =>
  least === most ? String(most) : `up to ${most}`;

const trainingLine = (name: string, { rows, steps }: PlannedTraining, about = ""): string =>
  `${name}: ${range(rows)} rows, ${about}${range(steps)} steps`;

function answersLine({ domain, model, purpose, wanted, there, estimate }: PlannedAnswers): string {
  const { promptTokens, completionTokens, costUsd } = estimate;
  const missing =
    wanted === there
      ? "all there"
      : `${there} there, about ${promptTokens} + ${completionTokens} tokens, $${costUsd.toFixed(4)}`;
  return `  ${model}, ${domain}, ${purpose}: ${wanted} answers, ${missing}`;
}

function linesOf({ domains, done, answers, verdicts, sft, dpo, missing }: FusePlan): string[] {
  const isDone = new Set(done);
  return [
    `done: ${done.length > 0 ? done.join(", ") : "nothing"}`,
    `to do: ${STAGES.filter((stage) => !isDone.has(stage)).join(", ")}`,
    "prompts",
    ...Object.entries(domains).map(([domain, { train, holdout, drops }]) => {
      const left = Object.entries(drops).map(([reason, count]) => `${count} ${reason}`);
      const out = left.length > 0 ? `; left out: ${left.join(", ")}` : "";
      return `  ${domain}: ${train} to train on, ${holdout} held out${out}`;
    }),
    "answers of the sources",
    ...answers.map(answersLine),
    "verdicts",
    ...verdicts.map(({ domain, purpose, judge, wanted }) => `  ${judge}, ${domain}, ${purpose}: ${wanted}`),
    trainingLine("sft", sft, "about "),
    ...(dpo ? [trainingLine("dpo", dpo)] : []),
    `missing: ${missing.answers} answers, about ${missing.tokens} tokens, $${missing.costUsd.toFixed(4)}`,
  ];
}
