"""Reads what `tutti fuse export --format trl` has written as TRL's own scripts do, and prints what they then know.

Usage: python tools/check-fuse-export.py FOLDER [--data]
"""

import json
import os
import sys

from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser, get_dataset


def read(path, config_class, with_data):
    parser = TrlParser((ScriptArguments, config_class, ModelConfig, DatasetMixtureConfig))
    _, training, model, data = parser.parse_args_and_config(args=["--config", path, "--bf16", "false", "--use_cpu"])
    known = {
        "model": model.model_name_or_path,
        "learning_rate": training.learning_rate,
        "epochs": training.num_train_epochs,
        "batch": training.per_device_train_batch_size * training.gradient_accumulation_steps,
        "max_length": training.max_length,
        "schedule": str(getattr(training.lr_scheduler_type, "value", training.lr_scheduler_type)),
        "warmup_steps": training.get_warmup_steps(1000),
        "loss": getattr(training, "loss_type", None),
        "beta": getattr(training, "beta", None),
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
    }
    if with_data:
        rows = get_dataset(data)["train"]
        known["rows"] = len(rows)
        known["columns"] = sorted(rows.column_names)
    return known


folder, *flags = sys.argv[1:]
os.chdir(folder)
known = {"sft": read("trl-sft.yaml", SFTConfig, "--data" in flags)}
if os.path.exists("trl-dpo.yaml"):
    known["dpo"] = read("trl-dpo.yaml", DPOConfig, "--data" in flags)
print(json.dumps(known))
