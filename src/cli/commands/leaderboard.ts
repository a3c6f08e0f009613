/** `tutti leaderboard`: models compared by what judges said of their answers. */
import { Command, Option } from "commander";
import { loadPoolConfig } from "../../config/index.ts";
import {
  type AnswerFacts,
  answersOfRecords,
  battlesOfScores,
  battlesOfVerdicts,
  formatLeaderboard,
  type JudgedRecord,
  type LeaderboardData,
  leaderboardDataOfStore,
  makeLeaderboard,
  promptText,
  readJudgedRecords,
  renderLeaderboard,
  STYLE_FEATURES,
  type StyleFeature,
} from "../../judged/index.ts";
import { costUsd, estimateTokens, pricesByModel } from "../../pool/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { numberBetween, wholeNumber } from "../flags.ts";
import { printable, printResult, say } from "../io.ts";
import {
  addSourceOptions,
  checkSource,
  filteredRecords,
  type SourceFlags,
  storeFilter,
  withStore,
} from "../judged-source.ts";

interface Flags extends SourceFlags {
  readonly judge?: string;
  readonly by: "scores" | "verdicts";
  readonly baseline?: string;
  readonly domainField: string;
  readonly styleControl?: true | string;
  readonly tieMargin: number;
  readonly pool?: string;
  readonly samples: number;
  readonly seed: number;
  readonly json?: string;
  readonly html?: string;
  readonly title: string;
}

const LARGEST = Number.MAX_VALUE;

export function leaderboardCommand(): Command {
  return addSourceOptions(new Command("leaderboard"))
    .summary("compare models by judged responses")
    .description(
      "Win rates, Bradley-Terry ratings and Elo per domain, with 95 % bootstrap intervals over prompts, costs and\n" +
        "latencies where the records have them. Every two candidates of a prompt are compared by their scores, or\n" +
        "each with the baseline by Arena-Hard's verdicts.",
    )
    .option("--judge <name>", "with --store: whose judgements count, scores and comparisons")
    .addOption(
      new Option("--by <what>", "what decides a comparison")
        .choices(["scores", "verdicts"])
        .default("scores"),
    )
    .option(
      "--baseline <model>",
      "model whose rating is 1000; with verdicts, the name of the model compared with",
    )
    .option("--domain-field <name>", "field of the records that parts them into boards", "benchmark")
    .option(
      "--style-control [features]",
      `also rate with style taken out: some of ${STYLE_FEATURES.join(",")} (all when none is named)`,
    )
    .option(
      "--tie-margin <score>",
      "scores that differ by no more are a tie",
      numberBetween("--tie-margin", 0, LARGEST),
      0,
    )
    .option("--pool <file>", "pool.yaml with prices: adds costs where the records have none")
    .option("--samples <n>", "bootstrap samples", wholeNumber("--samples", 1), 200)
    .option("--seed <n>", "seed of the bootstrap", wholeNumber("--seed", 0), 0)
    .option("--json <file>", "write the leaderboard as JSON")
    .option("--html <file>", "write a self-contained page")
    .option("--title <text>", "heading of the page", "Leaderboard")
    .addHelpText(
      "after",
      "\nExamples:\n  tutti leaderboard --data mtbench.jsonl.gz --domain-field category --html board.html\n" +
        "  tutti leaderboard --data arenahard.jsonl.gz --by verdicts --baseline gpt-4-0314",
    )
    .action(async (flags: Flags) => {
      await run(flags);
    });
}

function featuresOf(given: Flags["styleControl"]): readonly StyleFeature[] {
  if (given === undefined) return [];
  if (given === true) return STYLE_FEATURES;
  return given.split(",").map((name) => {
    const feature = STYLE_FEATURES.find((known) => known === name.trim());
    if (feature !== undefined) return feature;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `--style-control is "${given}", expected some of ${STYLE_FEATURES.join(",")}`,
    );
  });
}

function domainOf(field: string): (record: JudgedRecord) => string {
  return (record) => {
    const value = record[field];
    if (typeof value === "string") return value;
    throw new TuttiError(
      "RECORD_INVALID",
      `record ${JSON.stringify(record.id)}: ${field} is ${JSON.stringify(value)}, expected a text to part records by`,
      { hint: "name another field with --domain-field" },
    );
  };
}

/** Costs at list prices where the records have none; tokens that nobody counted are estimated. */
function withCosts(
  answers: readonly AnswerFacts[],
  records: readonly JudgedRecord[],
  pool: string,
): AnswerFacts[] {
  const prices = pricesByModel(loadPoolConfig(pool).models);
  const byId = new Map(records.map((record) => [record.id, record]));
  return answers.map((facts) => {
    const price = Object.hasOwn(prices, facts.model) ? prices[facts.model] : undefined;
    if (facts.costUsd !== undefined || price === undefined) return facts;
    const { prompt, candidates } = byId.get(facts.prompt)!;
    const completion = facts.tokens ?? estimateTokens(candidates[facts.model]!.response);
    return { ...facts, costUsd: costUsd(price, estimateTokens(promptText(prompt)), completion) };
  });
}

async function readData(flags: Flags): Promise<LeaderboardData> {
  checkSource(flags);
  const { tieMargin } = flags;
  if (flags.data === undefined) {
    const { judge } = flags;
    if (judge === undefined) {
      throw new TuttiError("INVALID_ARGUMENT", "--store needs --judge, the judge whose judgements count", {
        hint: "tutti store stats lists the judges",
      });
    }
    const options = { tieMargin, filter: storeFilter(flags) };
    return await withStore(flags.store!, (store) => leaderboardDataOfStore(store, judge, options));
  }
  const records = filteredRecords((await readJudgedRecords(flags.data)).records, flags);
  const domain = domainOf(flags.domainField);
  const answers = answersOfRecords(records, domain);
  say(`${records.length} judged prompts`);
  return {
    battles:
      flags.by === "scores"
        ? battlesOfScores(records, domain, { tieMargin })
        : battlesOfVerdicts(records, domain, flags.baseline ?? "baseline"),
    answers: flags.pool === undefined ? answers : withCosts(answers, records, flags.pool),
  };
}

async function run(flags: Flags): Promise<void> {
  const control = featuresOf(flags.styleControl);
  const data = await readData(flags);
  const baseline =
    flags.by === "verdicts" && flags.data !== undefined ? (flags.baseline ?? "baseline") : flags.baseline;
  const board = makeLeaderboard(data, {
    control,
    samples: flags.samples,
    seed: flags.seed,
    ...(baseline !== undefined && { baseline }),
  });
  printResult(printable(formatLeaderboard(board)));
  if (flags.json !== undefined) {
    writeFileAtomic(flags.json, `${JSON.stringify(board, null, 1)}\n`);
    say(`leaderboard written to ${flags.json}`);
  }
  if (flags.html !== undefined) {
    writeFileAtomic(flags.html, renderLeaderboard(board, flags.title));
    say(`page written to ${flags.html}`);
  }
}
