import {
  chooseAll,
  evaluateRouters,
  loadRouters,
  lookaheadDefaults,
  readJudgedRecords,
  splitByPrompt,
  trainRouter,
} from "../src/index.ts";

const { records, candidates } = await readJudgedRecords([
  "assets/judged/mbpp.jsonl.gz",
  "assets/judged/gsm8k.jsonl.gz",
]);
const { train, holdout } = splitByPrompt(records, { holdoutShare: 0.3, seed: 0 });
const options = {
  lookahead: lookaheadDefaults("mlm", false),
  networks: ["lookahead", "mlc"],
  serves: "latent",
  validationShare: 0.1,
} as const;
await trainRouter(train, candidates, options, "runs/first");

const { routers } = loadRouters("runs/first");
const choices: Record<string, Int32Array> = {};
for (const router of routers) choices[router.name] = await chooseAll(router, holdout, candidates);
console.log(evaluateRouters({ records: holdout, candidates, choices }).mean);
