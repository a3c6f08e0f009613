/** A small Lookahead training run in a process of its own, so that a test can kill it. */
import { readJudgedRecords } from "../../src/judged/index.ts";
import { lookaheadDefaults } from "../../src/routing/defaults.ts";
import { trainLookahead } from "../../src/routing/lookahead/index.ts";

const [dataPath, outputFolder] = process.argv.slice(2) as [string, string];
const { records, candidates } = await readJudgedRecords([dataPath]);
const options = {
  ...lookaheadDefaults("mlm", false),
  responseTokens: 4,
  maxPromptTokens: 32,
  batchSize: 4,
  accumulation: 2,
  epochs: 2,
  checkpointEverySteps: 2,
  validations: 4,
  threads: 1,
};
const router = await trainLookahead(
  "lookahead",
  records.slice(0, 96),
  records.slice(96, 120),
  candidates,
  options,
  outputFolder,
  {
    onStep: ({ step }) => process.stdout.write(`${step}\n`),
  },
);
await router.dispose();
