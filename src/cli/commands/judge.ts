/** `tutti judge`: verdicts of one judge on the answers of a store. */
import { Command } from "commander";
import { openStore } from "../../judged/index.ts";
import {
  type FailureTally,
  type JudgingProgress,
  type JudgingReport,
  judgeStore,
  SHORT_FORMS,
} from "../../judges/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { nameList } from "../flags.ts";
import { interruptSignal, printable, printResult, say } from "../io.ts";
import { addJobOptions, filterOf, type JobFlags, jobLimits } from "../job-options.ts";
import { openJudge } from "../judge-source.ts";
import { createProgress } from "../progress.ts";

interface Flags extends JobFlags {
  readonly store: string;
  readonly judge: string;
  readonly pool?: string;
  readonly against?: string;
  readonly models?: readonly string[];
}

export function judgeCommand(): Command {
  const command = new Command("judge")
    .summary("judge the answers of a store")
    .description(
      "Makes the verdicts that are missing: run again after Ctrl-C, a crash or a spent budget, it goes on where it\n" +
        "stopped. Several processes with the same settings on one store share the work.",
    )
    .requiredOption("--store <url>", "file or postgres:// address that holds the answers")
    .requiredOption("--judge <name>", `${SHORT_FORMS.join(", ")}, or a judge.yaml`)
    .option("--pool <file>", "pool.yaml with the model that judges")
    .option("--against <model>", "of comparisons: every answer meets this model's, not those of all others")
    .option("--models <names>", "answers of these models only, with commas between", nameList);
  return addJobOptions(command, {
    source: "answers of these sources only: an import, a sampling job, a gateway",
    results: "verdicts",
    atOnce: "verdicts under way at once",
  })
    .addHelpText(
      "after",
      "\nExamples:\n  tutti judge --store runs/store.db --judge verifier\n" +
        "  tutti judge --store runs/store.db --judge model:large/rating --pool pool.yaml --budget-usd 5\n" +
        '  tutti judge --store runs/store.db --judge "mathematics>reward:models/reward"',
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const signal = interruptSignal(
    "finishing the verdicts under way; press Ctrl-C again to leave them to a later run",
  );
  const { judge, close } = await openJudge(flags.judge, flags.pool);
  if (flags.against !== undefined && "judge" in judge) {
    throw new TuttiError("INVALID_ARGUMENT", `--against: ${judge.name} judges one answer at a time`, {
      hint: "name a judge that compares, such as model:NAME/choice, or leave --against out",
    });
  }
  const store = await openStore(flags.store);
  try {
    let progress: ReturnType<typeof createProgress> | undefined;
    const report = await judgeStore({
      store,
      judge,
      answers: { ...filterOf(flags), ...(flags.models && { models: flags.models }) },
      against: flags.against,
      ...jobLimits(flags),
      signal,
      onProgress: (state) => {
        progress ??= createProgress(process.stderr, {
          label: "judging",
          total: state.total,
          unit: "verdicts",
        });
        progress.update(state.done, noteOf(state));
      },
    });
    if (report.done === report.total) progress?.finish();
    throwIfNothing(report, store.url);
    if (flags.json) printResult(JSON.stringify(report, null, 2));
    else printResult(linesOf(report).map(printable).join("\n"));
    throwUnlessDone(report);
  } finally {
    await store.close();
    await close();
  }
}

const kindsOf = (failures: readonly FailureTally[]): string =>
  failures.map(({ code, count }) => `${count} ${code.toLowerCase().replaceAll("_", " ")}`).join(", ");

function noteOf({ spent, failures, underWay }: JudgingProgress): string {
  return [
    ...(spent.tokens > 0 ? [`$${spent.usd.toFixed(4)}`, `${spent.tokens} tokens`] : []),
    `${underWay} under way`,
    ...(failures.length > 0 ? [`errors: ${kindsOf(failures)}`] : []),
  ].join("  ");
}

function linesOf({ judge, judgeVersion, models, failures, spent, ...report }: JudgingReport): string[] {
  const { total, done, leftOut, end } = report;
  const lines = models.map(({ model, verdicts, meanScore }) => {
    const counts = Object.entries(verdicts).sort(([, a], [, b]) => b - a);
    const words = counts.map(([verdict, count]) => `${count} ${verdict}`).join(", ");
    return `${model}: ${words}; mean score ${meanScore === null ? "none" : meanScore.toFixed(4)}`;
  });
  return [
    ...(lines.length > 0 ? lines : ["nothing new"]),
    ...failures.map(({ code, count, example }) => `${count} failed with ${code}, such as: ${example}`),
    ...(leftOut > 0 ? [`${leftOut} left out: their prompts do not have what the judge needs`] : []),
    ...(typeof end === "string" ? [] : [`stopped: ${end.code}: ${end.message}`]),
    `${done}/${total} verdicts of ${judge}@${judgeVersion} in the store` +
      (spent.tokens > 0 ? `; $${spent.usd.toFixed(4)}, ${spent.tokens} tokens` : ""),
  ];
}

function throwIfNothing({ total, leftOut, end }: JudgingReport, url: string): void {
  if (total > 0 || end === "interrupted") return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    leftOut > 0
      ? `${url}: none of the ${leftOut} answers that match is to a prompt with what the judge needs`
      : `${url} has no answers that match`,
    {
      hint:
        leftOut > 0
          ? "import the prompts with their reference: docs/judges.md says which member each judge reads"
          : "sample some with `tutti sample`, or widen --domain, --split, --source and --models",
    },
  );
}

/** The report is out by now; the exit code tells why it is not complete. */
function throwUnlessDone({ end, total, done }: JudgingReport): void {
  if (end === "interrupted") {
    throw new TuttiError("INTERRUPTED", "stopped; the same command goes on where it stopped");
  }
  if (typeof end !== "string") throw end;
  if (end === "budget") {
    throw new TuttiError("BUDGET_EXHAUSTED", `the budget is spent, ${total - done} verdicts are missing`, {
      hint: "raise the budget and give the same command again",
    });
  }
  if (done < total) say(`${total - done} verdicts failed; the same command tries them again`);
}
