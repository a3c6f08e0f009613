"""The Hugging Face Trainer on the CPU: fine-tuning SmolLM2-135M-Instruct on conversations of natural lengths, float32.

    transformers_trainer.py [--threads N]

The same weights, token ids, labels and sequences a batch as bench/subjects/tutti-trainer.ts. Batches are those of the
Trainer's own LengthGroupedSampler over all sequences, padded to their longest; a round trains on a few of them that
stand for an epoch, chosen as there. Speaks the protocol of bench/subject-process.ts; seconds are for 1,000 tokens
without padding.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

STEPS_PER_ROUND = 6
SEQUENCES_PER_BATCH = 4
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".cache/bench/trainer.json"
MODEL = ROOT / ".cache/bench/smollm2"


def padded(batch):
    """The tokens of a batch of lengths once it is padded to the longest."""
    return len(batch) * max(batch)


def spread_by_size(batches, sizes, count):
    ascending = sorted(range(len(batches)), key=lambda index: sizes[index])
    return [batches[ascending[int((part + 0.5) * len(batches) / count)]] for part in range(count)]


def collate(features):
    longest = max(len(ids) for ids, _ in features)
    batch = {
        "input_ids": torch.zeros(len(features), longest, dtype=torch.long),
        "attention_mask": torch.zeros(len(features), longest, dtype=torch.long),
        "labels": torch.full((len(features), longest), -100),
    }
    for row, (ids, targets_from) in enumerate(features):
        batch["input_ids"][row, : len(ids)] = torch.tensor(ids)
        batch["attention_mask"][row, : len(ids)] = 1
        batch["labels"][row, targets_from : len(ids)] = torch.tensor(ids[targets_from:])
    return batch


class Rounds(TrainerCallback):
    """An epoch of the chosen batches is a round: the first warms up, each other one waits for its line."""

    def __init__(self, tokens, figures):
        self.tokens = tokens
        self.figures = figures
        self.started = None

    def on_epoch_begin(self, args, state, control, **_):
        if state.global_step > 0:
            for line in sys.stdin:
                if line.strip() == "round":
                    break
            else:
                os._exit(0)
        self.started = time.perf_counter()

    def on_epoch_end(self, args, state, control, **_):
        seconds = 1000 * (time.perf_counter() - self.started) / self.tokens
        if state.global_step <= STEPS_PER_ROUND:
            print("ready", json.dumps({**self.figures, "first pass": seconds}), flush=True)
            return
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


def main():
    if not DATA.exists():
        sys.exit("no texts yet: npx tsx bench/subjects/trainer-data.ts")
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    model.config.use_cache = False

    stored = json.loads(DATA.read_text())["sequences"]
    sequences = [(sequence["ids"], sequence["targetsFrom"]) for sequence in stored]
    lengths = [len(ids) for ids, _ in sequences]
    order = list(LengthGroupedSampler(SEQUENCES_PER_BATCH, lengths=lengths, generator=torch.Generator().manual_seed(0)))
    batches = [order[i : i + SEQUENCES_PER_BATCH] for i in range(0, len(order), SEQUENCES_PER_BATCH)]
    real = [sum(lengths[i] for i in batch) for batch in batches]
    chosen = spread_by_size(batches, real, STEPS_PER_ROUND)

    def padding_of(some):
        rows = [[lengths[i] for i in batch] for batch in some]
        return 1 - sum(map(sum, rows)) / sum(map(padded, rows))

    tokens = sum(lengths[i] for batch in chosen for i in batch)
    figures = {
        "padding of an epoch": padding_of(batches),
        "padding of a round": padding_of(chosen),
        "tokens a round": tokens,
    }
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=SEQUENCES_PER_BATCH,
                train_sampling_strategy="sequential",
                num_train_epochs=1_000_000,
                learning_rate=1e-4,
                weight_decay=0.01,
                max_grad_norm=1.0,
                lr_scheduler_type="constant",
                use_cpu=True,
                remove_unused_columns=False,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=[sequences[i] for batch in chosen for i in batch],
            data_collator=collate,
            callbacks=[Rounds(tokens, figures)],
        )
        trainer.train()


main()
