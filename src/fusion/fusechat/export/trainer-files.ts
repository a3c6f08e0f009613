/** The trainings of a run as configuration files of TRL and LLaMA-Factory, for targets that are trained elsewhere. */
import { datasetInfo } from "../../../judged/index.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { FusePreference, FuseSettings, FuseTraining } from "../settings.ts";
import { type ConfigValue, configText } from "./trainer-config.ts";

export const TRAINERS = ["trl", "llama-factory"] as const;
export type Trainer = (typeof TRAINERS)[number];

export interface TrainerTarget {
  /** As the trainer is to load it: a name of the hub, or a folder. */
  readonly model: string;
  /** LLaMA-Factory's name of the chat template. */
  readonly template: string;
  readonly devices: number;
  /** Examples of one device in one pass. */
  readonly perDevice: number;
}

export interface TrainerFile {
  readonly name: string;
  readonly content: string;
}

export interface TrainerFiles {
  readonly files: readonly TrainerFile[];
  /** Whose rows the data files are to have. */
  readonly data: { readonly sft: Trainer; readonly pairs?: Trainer };
  /** What the trainer cannot do, and what to do instead. */
  readonly notes: readonly string[];
}

export const SFT_DATA = "sft.jsonl";
export const PAIRS_DATA = "pairs.jsonl";
const SFT_OUT = "out/sft";
const DPO_OUT = "out/dpo";

/** Steps over which gradients are gathered, so that all devices together see one batch. */
function accumulation({ batch }: FuseTraining, { devices, perDevice }: TrainerTarget): number {
  const steps = batch / (devices * perDevice);
  if (Number.isInteger(steps)) return steps;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `a batch of ${batch} cannot be divided over ${devices} devices with ${perDevice} examples each`,
    { hint: "choose --devices and --per-device so that their product divides the batch" },
  );
}

function commonValues(
  training: FuseTraining,
  target: TrainerTarget,
  seed: number,
): Record<string, ConfigValue> {
  return {
    num_train_epochs: training.epochs,
    learning_rate: training.learningRate,
    lr_scheduler_type: training.schedule,
    weight_decay: training.weightDecay,
    max_grad_norm: training.clip,
    per_device_train_batch_size: target.perDevice,
    gradient_accumulation_steps: accumulation(training, target),
    gradient_checkpointing: true,
    bf16: true,
    ...(training.optimizer === "adamw-8bit" && { optim: "adamw_8bit" }),
    seed,
    logging_steps: 10,
    report_to: "none",
  };
}

/** Only the last two checkpoints are compared, so only they are kept; the losses to compare them by are measured at each. */
const savingOf = ({ checkpointEvery, keep }: FusePreference): Record<string, ConfigValue> => ({
  save_strategy: "steps",
  save_steps: checkpointEvery,
  ...(keep === "better-of-last-two" && { save_total_limit: 2 }),
  ...(keep !== "last" && { eval_strategy: "steps", eval_steps: checkpointEvery }),
});

const trlData = (file: string) => [{ path: "json", data_files: file, split: "train" }];

const trlAdapter = ({ lora }: FuseTraining): Record<string, ConfigValue> =>
  lora
    ? {
        ...{ use_peft: true, lora_target_modules: ["all-linear"], lora_dropout: 0 },
        ...{ lora_r: lora.rank, lora_alpha: lora.alpha ?? 2 * lora.rank },
      }
    : {};

/** "ORGANISATION/NAME@REVISION" of the hub in two. */
function loadedModel(model: string): Record<string, ConfigValue> {
  const [, name = model, revision] = /^([^@]+\/[^@]+)@([^@/]+)$/.exec(model) ?? [];
  return { model_name_or_path: name, ...(revision !== undefined && { model_revision: revision }) };
}

const TRL_LOSSES: Readonly<Record<FusePreference["loss"], string>> = {
  sigmoid: "sigmoid",
  hinge: "hinge",
  ipo: "ipo",
  robust: "robust",
};

function trlLoss({ loss, lengthNormalised }: FusePreference): string {
  if (!lengthNormalised) return TRL_LOSSES[loss];
  if (loss === "sigmoid") return "sigmoid_norm";
  throw new TuttiError("INVALID_ARGUMENT", `TRL has no length-normalised ${loss} loss`, {
    hint: "export with loss: sigmoid, or with lengthNormalised: false",
  });
}

const ACCELERATE = "start it on all devices with --accelerate_config zero3";

function trlDpo(settings: FuseSettings, target: TrainerTarget, model: string): TrainerFile {
  const { dpo, seed } = settings;
  return {
    name: "trl-dpo.yaml",
    content: configText(`trl dpo --config trl-dpo.yaml\n${ACCELERATE}`, {
      model_name_or_path: model,
      datasets: trlData(PAIRS_DATA),
      ...(dpo.keep !== "last" && { test_split_size: dpo.validationShare }),
      loss_type: [trlLoss(dpo)],
      beta: dpo.beta,
      ...(dpo.labelSmoothing > 0 && { label_smoothing: dpo.labelSmoothing }),
      max_length: dpo.maxTokens,
      warmup_steps: dpo.warmup,
      precompute_ref_log_probs: true,
      ...commonValues(dpo, target, seed),
      ...trlAdapter(dpo),
      ...savingOf(dpo),
      output_dir: DPO_OUT,
    }),
  };
}

function trlFiles(settings: FuseSettings, target: TrainerTarget, hasPairs: boolean): TrainerFiles {
  const { sft, seed } = settings;
  const first = {
    name: "trl-sft.yaml",
    content: configText(`trl sft --config trl-sft.yaml\n${ACCELERATE}`, {
      ...loadedModel(target.model),
      datasets: trlData(SFT_DATA),
      max_length: sft.maxTokens,
      // A number below 1 is a share of the steps.
      warmup_steps: sft.warmup,
      ...commonValues(sft, target, seed),
      ...trlAdapter(sft),
      save_strategy: "epoch",
      output_dir: SFT_OUT,
    }),
  };
  const files = [first, ...(hasPairs ? [trlDpo(settings, target, SFT_OUT)] : [])];
  return { files, data: { sft: "trl", ...(hasPairs && { pairs: "trl" }) }, notes: [] };
}

const llamaAdapter = ({ lora }: FuseTraining): Record<string, ConfigValue> =>
  lora
    ? {
        ...{ finetuning_type: "lora", lora_target: "all" },
        ...{ lora_rank: lora.rank, lora_alpha: lora.alpha ?? 2 * lora.rank },
      }
    : { finetuning_type: "full" };

function llamaFiles(settings: FuseSettings, target: TrainerTarget, hasPairs: boolean): TrainerFiles {
  const { sft, dpo, seed } = settings;
  const common = (training: FuseTraining, data: string): Record<string, ConfigValue> => ({
    do_train: true,
    ...llamaAdapter(training),
    dataset_dir: ".",
    dataset: data,
    template: target.template,
    cutoff_len: training.maxTokens,
    warmup_ratio: training.warmup,
    ...commonValues(training, target, seed),
  });
  // FuseChat-3.0 itself was trained by both: SFT with LLaMA-Factory, DPO with TRL.
  const needsTrl = hasPairs && (dpo.lengthNormalised || dpo.loss === "robust");
  const info = {
    fuse_sft: datasetInfo(SFT_DATA, "sharegpt", "answers"),
    ...(hasPairs && !needsTrl && { fuse_pairs: datasetInfo(PAIRS_DATA, "sharegpt", "pairs") }),
  };
  const files = [
    { name: "dataset_info.json", content: `${JSON.stringify(info, null, 2)}\n` },
    {
      name: "llama-factory-sft.yaml",
      content: configText("llamafactory-cli train llama-factory-sft.yaml", {
        ...loadedModel(target.model),
        stage: "sft",
        ...common(sft, "fuse_sft"),
        save_strategy: "epoch",
        output_dir: SFT_OUT,
      }),
    },
  ];
  if (!hasPairs) return { files, data: { sft: "llama-factory" }, notes: [] };
  if (needsTrl) {
    const what = dpo.lengthNormalised ? "length-normalised DPO" : `the ${dpo.loss} loss`;
    return {
      files: [...files, trlDpo(settings, target, SFT_OUT)],
      data: { sft: "llama-factory", pairs: "trl" },
      notes: [`LLaMA-Factory has no ${what}: trl-dpo.yaml trains it with TRL`],
    };
  }
  const second = {
    name: "llama-factory-dpo.yaml",
    content: configText("llamafactory-cli train llama-factory-dpo.yaml", {
      // An adapter goes on from where SFT left it, on the model that it belongs to.
      ...(sft.lora
        ? { ...loadedModel(target.model), adapter_name_or_path: SFT_OUT }
        : { model_name_or_path: SFT_OUT }),
      stage: "dpo",
      pref_loss: dpo.loss,
      pref_beta: dpo.beta,
      ...(dpo.labelSmoothing > 0 && { dpo_label_smoothing: dpo.labelSmoothing }),
      ...common(dpo, "fuse_pairs"),
      ...(dpo.keep !== "last" && { val_size: dpo.validationShare }),
      ...savingOf(dpo),
      output_dir: DPO_OUT,
    }),
  };
  return { files: [...files, second], data: { sft: "llama-factory", pairs: "llama-factory" }, notes: [] };
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT for a batch that the devices cannot divide, or a loss that TRL does not have
 */
export function trainerFiles(trainer: Trainer, settings: FuseSettings, target: TrainerTarget): TrainerFiles {
  const hasPairs = settings.domains.some(({ pairs }) => pairs.choose !== "none");
  return trainer === "trl" ? trlFiles(settings, target, hasPairs) : llamaFiles(settings, target, hasPairs);
}
