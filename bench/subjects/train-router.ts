/** A method of `router-training`: each round trains it once at every size, and fits how time and memory grow. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { growthExponent, type TrainingSize } from "../training-work.ts";
import { answerRounds, type MeasuredCells } from "./answer-rounds.ts";

/** Sizes are "PROMPTSxCANDIDATES", the headline first. */
const [method, ...rest] = process.argv.slice(2) as [string, ...string[]];
const sizes = rest
  .filter((argument) => /^\d+x\d+$/.test(argument))
  .map((argument): TrainingSize => {
    const [prompts, candidates] = argument.split("x").map(Number) as [number, number];
    return { prompts, candidates };
  });
const headline = sizes[0]!;

/** A training that takes longer is stopped and named in the result. */
const LIMIT_SECONDS = 600;

interface Once {
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly rowsRssBytes: number;
}

/** Undefined where it took longer than the limit, embedding included. */
function trainOnce({ prompts, candidates }: TrainingSize): Once | undefined {
  const script = join(import.meta.dirname, "train-router-once.ts");
  const args = ["--max-old-space-size=16384", "--import", "tsx", script];
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [...args, method, String(prompts), String(candidates)],
    { encoding: "utf8", timeout: LIMIT_SECONDS * 1000 },
  );
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT") return undefined;
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  return JSON.parse(stdout) as Once;
}

const sizeName = ({ prompts, candidates }: TrainingSize): string =>
  `${prompts} prompts, ${candidates} candidates`;

async function round(): Promise<MeasuredCells> {
  const cells: Record<string, number> = {};
  const measured: (TrainingSize & Once)[] = [];
  for (const size of sizes) {
    const once = trainOnce(size);
    if (once) measured.push({ ...size, ...once });
    else if (size === headline) throw new Error(`over ${LIMIT_SECONDS} seconds at ${sizeName(size)}`);
    else cells[`over ${LIMIT_SECONDS} seconds, ${sizeName(size)}`] = 1;
  }
  for (const { seconds, peakRssBytes, rowsRssBytes, ...own } of measured) {
    const size = sizeName(own);
    cells[`seconds, ${size}`] = seconds;
    cells[`peak MB, ${size}`] = peakRssBytes / 1e6;
    cells[`MB before training, ${size}`] = rowsRssBytes / 1e6;
  }
  for (const [axis, other] of [
    ["prompts", "candidates"],
    ["candidates", "prompts"],
  ] as const) {
    const along = measured.filter((size) => size[other] === headline[other]);
    // What training adds: the process holds runtime and rows before it begins.
    const added = ({ peakRssBytes, rowsRssBytes }: Once): number =>
      Math.max(1e6, peakRssBytes - rowsRssBytes);
    cells[`exponent of ${axis}, time`] = growthExponent(along.map((size) => [size[axis], size.seconds]));
    cells[`exponent of ${axis}, memory`] = growthExponent(along.map((size) => [size[axis], added(size)]));
  }
  const { seconds, peakRssBytes } = measured[0]!;
  return { seconds, peakRssBytes, cells };
}

await answerRounds({}, round);
