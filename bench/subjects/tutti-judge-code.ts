/** Tutti's side of the code judge's benchmark. */
import { CodeSandbox } from "../../src/judges/index.ts";
import { readPrograms } from "../judge-code-work.ts";
import { answerRounds } from "./answer-rounds.ts";

const LEAST_AGREEMENT = 0.97;

const workers = Number(process.argv[2]);
const sandbox = new CodeSandbox({ workers });
const programs = readPrograms();

/** How many verdicts are the recorded ones. */
async function judgeAll(): Promise<number> {
  const outcomes = await Promise.all(programs.map((program) => sandbox.run(program)));
  return outcomes.filter(({ verdict }, index) => (verdict === "passed") === programs[index]!.isPassing)
    .length;
}

const agreement = (await judgeAll()) / programs.length;
if (agreement < LEAST_AGREEMENT) {
  console.error(`${(100 * agreement).toFixed(1)} % of the verdicts are the recorded ones`);
  process.exit(1);
}

await answerRounds({ programs: programs.length, agreement }, async () => {
  const began = performance.now();
  await judgeAll();
  return (performance.now() - began) / 1000 / programs.length;
});
await sandbox.close();
