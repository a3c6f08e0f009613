/** Fifth stage: the target imitates the chosen answers. */
import { join } from "node:path";
import { LocalModel } from "../../pool/local/local-model.ts";
import { prepareSft } from "../../trainers/index.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { type SelectResult, SFT_FILE } from "./select-stage.ts";
import { isModelThere, runSettings, type TrainedModel, trainingInputs, trainModel } from "./training.ts";

export async function sftStage(
  context: FuseContext,
  selected: StageResult<SelectResult>,
): Promise<Stage<TrainedModel>> {
  const { settings, targetPath } = context;
  const { revision, template } = await new LocalModel({ path: targetPath }).identity();
  return {
    name: "sft",
    inputs: {
      target: { revision, template },
      data: selected.result.sft.sha256,
      seed: settings.seed,
      training: trainingInputs(settings.sft),
    },
    isIntact: (_, folder) => isModelThere(folder),
    run: (folder) => {
      const run = runSettings(settings.sft, {
        data: [join(selected.folder, SFT_FILE)],
        out: folder,
        seed: settings.seed,
      });
      return trainModel(context, {
        stage: "sft",
        base: targetPath,
        settings: run,
        prepare: (base, _, onWarning) => prepareSft(base, run, { onWarning }),
      });
    },
  };
}
