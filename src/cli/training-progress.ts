/** Progress of router training on a terminal; shared by `router train` and `demo`. */
import type { TrainRouterEvents } from "../routing/train-router.ts";
import { say } from "./io.ts";
import { createProgress, type Progress } from "./progress.ts";

export function trainingProgress(signal: AbortSignal): TrainRouterEvents {
  let stage = "";
  let total = 0;
  let progress: Progress | undefined;
  return {
    onStage: (name) => {
      stage = name;
      if (name === "baselines")
        say("fitting baselines: domain table, string rule, kNN, k-means, ridge; latent variant");
      if (name === "calibration") say("fitting expected qualities and answer lengths");
    },
    lookahead: {
      signal,
      onStart: ({
        totalSteps,
        parameterCount,
        trainedParameterCount,
        trainingPrompts,
        validationPrompts,
      }) => {
        const all = `${(parameterCount / 1e6).toFixed(1)} M parameters`;
        const isFrozen = trainedParameterCount < parameterCount;
        const size = isFrozen ? `${(trainedParameterCount / 1e6).toFixed(1)} M of ${all} trained` : all;
        say(
          `${stage}: ${size}, ${trainingPrompts} prompts to train on, ${validationPrompts} to choose the best checkpoint`,
        );
        total = totalSteps;
        progress = createProgress(process.stderr, { label: stage, total, unit: "steps" });
      },
      onStep: ({ step, loss, peakMemoryBytes, validation }) => {
        const notes = [
          `loss ${loss.toFixed(3)}`,
          ...(validation === undefined ? [] : [`validation ${validation.toFixed(3)}`]),
          `peak ${(peakMemoryBytes / 2 ** 30).toFixed(1)} GiB`,
        ];
        if (step + 1 === total) progress?.finish(notes.join("  "));
        else progress?.update(step + 1, notes.join("  "));
      },
    },
  };
}
