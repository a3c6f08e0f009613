"""TRL's DPOTrainer and SFTTrainer on the CPU, float32: the pairs and steps of bench/subjects/tutti-language-training.ts.

    trl_trainers.py dpo|sft MODEL [--precompute] [--threads N]

--precompute computes the reference's log-probabilities before training; without it the reference model runs in every step,
as is TRL's default. Token ids are given; batches are padded by TRL's own collators. Speaks the protocol of
bench/subject-process.ts: a round is an epoch over the few steps, its time that of one step.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"

import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".cache/bench/preference.json"


class Rounds(TrainerCallback):
    """An epoch is a round: the first warms up, each other one waits for its line."""

    def __init__(self, steps: int, figures: dict):
        self.steps, self.figures, self.started, self.loss = steps, figures, None, None

    def on_epoch_begin(self, args, state, control, **_):
        if state.global_step > 0:
            for line in sys.stdin:
                if line.strip() == "round":
                    break
            else:
                os._exit(0)
        self.started = time.perf_counter()

    def on_epoch_end(self, args, state, control, **_):
        seconds = (time.perf_counter() - self.started) / self.steps
        if state.global_step <= self.steps:
            print("ready", json.dumps({**self.figures, "first pass": seconds}), flush=True)
            return
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


class PreparedDPOTrainer(DPOTrainer):
    """The data set holds token ids already."""

    def _prepare_dataset(self, dataset, *_):
        return dataset


def main() -> None:
    if not DATA.exists():
        sys.exit("no pairs yet: npx tsx bench/subjects/preference-data.ts")
    kind, model_name = sys.argv[1:3]
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    torch.manual_seed(0)
    disable_progress_bars()
    folder = ROOT / ".cache/bench" / model_name
    load = lambda: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = load()
    stored = json.loads(DATA.read_text())
    pairs, batch = stored["pairs"], stored["pairsPerStep"]
    steps = len(pairs) // batch
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    sides = ("chosen", "rejected") if kind == "dpo" else ("chosen",)
    lengths = [[len(p["prompt"]) + len(p[side]) for p in pairs[i : i + batch] for side in sides] for i in range(0, len(pairs), batch)]
    places = sum(len(step) * max(step) for step in lengths)
    used = sum(map(sum, lengths))
    figures = {"tokens per step": used / steps, "share of padding": 1 - used / places}
    with tempfile.TemporaryDirectory() as output:
        common = {
            "output_dir": output,
            "per_device_train_batch_size": batch,
            "num_train_epochs": 1_000_000,
            "learning_rate": 1e-4,
            "weight_decay": 0.01,
            "max_grad_norm": 1.0,
            "lr_scheduler_type": "constant",
            "train_sampling_strategy": "sequential",
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "max_length": None,
            "save_strategy": "no",
            "logging_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }
        rounds = Rounds(steps, figures)
        if kind == "dpo":
            rows = [{f"{key}_ids": p[key] for key in ("prompt", "chosen", "rejected")} for p in pairs]
            precompute = "--precompute" in sys.argv
            args = DPOConfig(**common, beta=0.1, precompute_ref_log_probs=precompute, precompute_ref_batch_size=batch)
            started = time.perf_counter()
            trainer = PreparedDPOTrainer(model=model, ref_model=None if precompute else load(), args=args,
                                         train_dataset=Dataset.from_list(rows), processing_class=tokenizer, callbacks=[rounds])
            if precompute:
                figures["reference, seconds per step"] = (time.perf_counter() - started) / steps
        else:
            rows = [{"input_ids": p["prompt"] + p["chosen"], "labels": [-100] * len(p["prompt"]) + p["chosen"]} for p in pairs]
            args = SFTConfig(**common, dataset_kwargs={"skip_prepare_dataset": True})
            trainer = SFTTrainer(model=model, args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
                                 callbacks=[rounds])
        trainer.train()


main()
