/** Sixth stage: the model of the fifth learns to prefer chosen over rejected answers. */
import { join } from "node:path";
import { directPreference, preparePreference, type RunSettings } from "../../trainers/index.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { PAIRS_FILE, type SelectResult, VALIDATION_FILE } from "./select-stage.ts";
import type { FusePreference } from "./settings.ts";
import {
  isModelThere,
  modelFolder,
  runSettings,
  type TrainedModel,
  trainingInputs,
  trainModel,
} from "./training.ts";

/**
 * The step from which checkpoints may be chosen. The last two are the one at the end and the one written before it, so the better
 * of them is the best from there on.
 */
export function chosenFrom({ keep, checkpointEvery }: FusePreference, totalSteps: number): number {
  if (keep !== "better-of-last-two") return 0;
  return Math.floor((totalSteps - 1) / checkpointEvery) * checkpointEvery;
}

export function dpoStage(
  context: FuseContext,
  selected: StageResult<SelectResult>,
  sft: StageResult<TrainedModel>,
): Stage<TrainedModel> {
  const { settings, events, signal } = context;
  const { dpo, seed } = settings;
  const { pairs, validation } = selected.result;
  const chooses = dpo.keep !== "last" && validation.rows > 0;
  return {
    name: "dpo",
    inputs: {
      base: sft.result.weights,
      data: [pairs.sha256, chooses ? validation.sha256 : null],
      seed,
      // Checkpoints are what is chosen from, so how far they are apart alters the weights.
      training: { ...trainingInputs(dpo), ...(chooses && { checkpointEvery: dpo.checkpointEvery }) },
    },
    isIntact: (_, folder) => isModelThere(folder),
    run: (folder) => {
      const base = modelFolder(sft.folder);
      if (dpo.keep !== "last" && !chooses)
        events.onFact?.(
          "dpo",
          "warning",
          "no pair is held out to choose a checkpoint by: the last one is kept",
        );
      const run = {
        ...runSettings(dpo, {
          data: [join(selected.folder, PAIRS_FILE)],
          ...(chooses && { evaluationData: [join(selected.folder, VALIDATION_FILE)] }),
          out: folder,
          seed,
        }),
        objective: directPreference({
          loss: dpo.loss,
          beta: dpo.beta,
          isLengthNormalised: dpo.lengthNormalised,
          labelSmoothing: dpo.labelSmoothing,
        }),
        referenceFolder: join(folder, "reference"),
      };
      return trainModel(context, {
        ...{ stage: "dpo", base, settings: run },
        prepare: (model, backend, onWarning) =>
          preparePreference(model, run, backend, {
            signal,
            onWarning,
            onProgress: (done, total) =>
              events.onProgress?.({ stage: "dpo", part: "reference", done, total, unit: "prompts" }),
          }),
        settle: (known: RunSettings, totalSteps) =>
          chooses ? { ...known, chosenFromStep: chosenFrom(dpo, totalSteps) } : known,
      });
    },
  };
}
