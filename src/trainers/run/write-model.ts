/** A trained model as files that transformers, peft and the pool's `local:` load. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { savePeftAdapter } from "../../models/index.ts";
import { configDocument } from "../../models/model-documents.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { writeSafetensors } from "../../weights/index.ts";
import { modelCard } from "./model-card.ts";
import type { PreparedRun } from "./prepared-run.ts";
import type { FinishedRun } from "./run-training.ts";
import type { RunSettings } from "./settings.ts";
import { wholeParameters } from "./whole-parameters.ts";

export interface WrittenModel {
  /** Folder of the whole model, an adapter merged into it. */
  readonly model: string;
  /** Folder for peft; absent without an adapter, and for reward models, whose head is no part of an adapter. */
  readonly adapter?: string;
}

/** @throws {TuttiError} FILE_WRITE_FAILED */
export function writeTrainedModel(
  run: PreparedRun,
  finished: FinishedRun,
  settings: RunSettings,
): WrittenModel {
  const { adapter } = settings;
  const folder = join(settings.out, "model");
  const card = modelCard(run, finished, settings);
  let written: WrittenModel = { model: folder };
  if (adapter && run.facts.kind !== "reward") {
    const adapterFolder = join(settings.out, "adapter");
    mkdirSync(adapterFolder, { recursive: true });
    savePeftAdapter(adapterFolder, run.base.model.specs, finished.parameters, adapter, {
      // Names of the hub have a slash, and are found there; others are those of a folder.
      baseModel: run.base.name.includes("/") ? run.base.name : run.base.path,
    });
    writeFileAtomic(join(adapterFolder, "README.md"), card);
    written = { ...written, adapter: adapterFolder };
  }
  const whole = wholeParameters(run.specs, finished.parameters, adapter);
  const tensors = Object.entries(whole).map(([name, { shape, data }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    data,
  }));
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  // The configuration comes last: a folder with it is complete.
  const { torch_dtype: _, ...baseConfig } = run.base.config;
  const config = configDocument({ ...baseConfig, dtype: "float32" });
  for (const { name, content } of [...run.base.documents, { name: "README.md", content: card }, config])
    writeFileAtomic(join(folder, name), content);
  return written;
}
