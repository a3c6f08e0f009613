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

interface Once {
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly rowsRssBytes: number;
}

function trainOnce({ prompts, candidates }: TrainingSize): Once {
  const script = join(import.meta.dirname, "train-router-once.ts");
  const args = ["--max-old-space-size=16384", "--import", "tsx", script];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...args, method, String(prompts), String(candidates)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  return JSON.parse(stdout) as Once;
}

async function round(): Promise<MeasuredCells> {
  const cells: Record<string, number> = {};
  const measured = sizes.map((size) => ({ ...size, ...trainOnce(size) }));
  for (const { prompts, candidates, seconds, peakRssBytes, rowsRssBytes } of measured) {
    const size = `${prompts} prompts, ${candidates} candidates`;
    cells[`seconds, ${size}`] = seconds;
    cells[`peak MB, ${size}`] = peakRssBytes / 1e6;
    cells[`MB before training, ${size}`] = rowsRssBytes / 1e6;
  }
  for (const [axis, other] of [
    ["prompts", "candidates"],
    ["candidates", "prompts"],
  ] as const) {
    const along = measured.filter((size) => size[other] === headline[other]);
    for (const [name, of] of [
      ["time", "seconds"],
      ["memory", "peakRssBytes"],
    ] as const) {
      cells[`exponent of ${axis}, ${name}`] = growthExponent(
        along.map((size) => [size[axis], size[of]] as const),
      );
    }
  }
  const { seconds, peakRssBytes } = measured[0]!;
  return { seconds, peakRssBytes, cells };
}

await answerRounds({}, round);
