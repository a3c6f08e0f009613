/** One tiny fine-tuning run in a process of its own, so that a test can kill it. */
import { join } from "node:path";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { saveParameters, train } from "../../src/train/index.ts";
import { prepareRun, RUNS } from "./tiny-fine-tuning.ts";
import { prepareSeq2Seq, SEQ2SEQ_RUNS } from "./tiny-seq2seq.ts";
import { TRIALS } from "./trials.ts";

const [name, outputFolder] = process.argv.slice(2) as [string, string];
const { task, parameters, settings } =
  name in SEQ2SEQ_RUNS
    ? prepareSeq2Seq(name, outputFolder)
    : prepareRun(name, (RUNS[name] ?? TRIALS[name])!, outputFolder);
const result = await train(task, parameters, settings, {
  backend: createOrtBackend({ threads: 1 }),
  onStep: ({ step }) => process.stdout.write(`${step}\n`),
});
saveParameters(join(outputFolder, "weights.safetensors"), result.parameters, {});
