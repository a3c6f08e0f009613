"""The same router in PyTorch: transformers' encoder, mean pooling, linear heads; or RouteLLM's BERT router.

    torch_router.py MODE WORK_FOLDER REPEATS [--threads N]

MODE is eager, compile (torch.compile, one graph for all lengths), or routellm: RouteLLM's BERTRouter, whose weights
are on the hub only, over an encoder of the size of its checkpoint (xlm-roberta-base: 12 layers, width 768) with random
weights and BERT's tokenizer. Speaks the protocol of bench/subject-process.ts and measures what
bench/subjects/tutti-router.ts measures.
"""

import json
import math
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

HEADS = ["quality", "score", "length"]
LENGTHS = ["32", "128", "512"]
CANDIDATES = ["2", "5", "20", "100"]
CONCURRENCY = [1, 8, 32]


class Router:
    """Scores of a list of prompts, each padded to the longest, for one number of candidates."""

    def __init__(self, folder: Path, mode: str):
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "encoder", model_max_length=512)
        self.encoder = AutoModel.from_pretrained(folder / "encoder", dtype=torch.float32).eval()
        if mode == "compile":
            self.encoder = torch.compile(self.encoder, dynamic=True)
        read = lambda name, shape: torch.from_numpy(np.fromfile(folder / name, np.float32).reshape(shape))
        width = self.encoder.config.hidden_size
        self.heads = {
            count: {
                head: (read(f"{count}.{head}.weight.f32", (int(count), width)), read(f"{count}.{head}.bias.f32", (int(count),)))
                for head in HEADS
            }
            for count in CANDIDATES
        }

    @torch.inference_mode()
    def scores(self, prompts: list[str], candidates: str) -> torch.Tensor:
        inputs = self.tokenizer(prompts, padding=True, truncation=True, return_tensors="pt")
        hidden = self.encoder(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1).float()
        embedding = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))
        values = {name: torch.nn.functional.linear(embedding, *head) for name, head in self.heads[candidates].items()}
        torch.sigmoid(values["quality"])
        return values["score"]


class RouteLlm:
    """RouteLLM decides between two models, one prompt a call."""

    def __init__(self, folder: Path):
        # Importing the package makes a client, which is never used.
        os.environ.setdefault("OPENAI_API_KEY", "unused")
        from routellm.routers.routers import BERTRouter
        from transformers import BertConfig, BertForSequenceClassification

        checkpoint = folder / "routellm"
        if not (checkpoint / "config.json").exists():
            config = BertConfig(num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072, num_labels=3)
            torch.manual_seed(0)
            BertForSequenceClassification(config).save_pretrained(checkpoint)
            AutoTokenizer.from_pretrained(folder / "encoder", model_max_length=512).save_pretrained(checkpoint)
        self.router = BERTRouter(str(checkpoint))
        self.router.model.eval()

    def scores(self, prompts: list[str], _candidates: str) -> list[float]:
        return [self.router.calculate_strong_win_rate(prompt) for prompt in prompts]


def check(router, work: dict) -> float:
    worst = 0.0
    for count in CANDIDATES:
        expected = np.array(work["expected"][count])
        received = np.concatenate([router.scores([work["prompts"][length][0]], count).numpy() for length in LENGTHS])
        worst = max(worst, float(np.abs(received - expected).max() / (expected.max() - expected.min())))
    if not worst < 1e-4:
        raise SystemExit(f"scores differ from the network's by {worst} of their spread")
    return worst


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


def latencies(router, prompts: list[str], candidates: str, repeats: int) -> list[float]:
    times = []
    for repeat in range(repeats):
        started = time.perf_counter()
        router.scores([prompts[repeat % len(prompts)]], candidates)
        times.append(1000 * (time.perf_counter() - started))
    return times


def measure(router, work: dict, counts: list[str], repeats: int) -> dict[str, float]:
    cells = {}
    for length in LENGTHS:
        for count in counts:
            times = latencies(router, work["prompts"][length], count, repeats)
            for name, share in [("p50", 0.5), ("p99", 0.99)]:
                cells[f"{name} ms, {length} tokens, {count} candidates"] = percentile(times, share)
    # What callers at once would get from a queue: their prompts in one batch.
    prompts = work["prompts"]["128"]
    for callers in CONCURRENCY:
        batches = max(1, repeats // callers)
        started = time.perf_counter()
        for batch in range(batches):
            router.scores([prompts[(batch * callers + row) % len(prompts)] for row in range(callers)], "5")
        cells[f"decisions per s, {callers} at once"] = batches * callers / (time.perf_counter() - started)
    return cells


def main() -> None:
    mode, folder, repeats = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    work = json.loads((folder / "work.json").read_text(encoding="utf-8"))
    is_routellm = mode == "routellm"
    router = RouteLlm(folder) if is_routellm else Router(folder, mode)
    figures = {} if is_routellm else {"scoreDifference": check(router, work)}
    counts = ["2"] if is_routellm else CANDIDATES
    for length in LENGTHS:
        latencies(router, work["prompts"][length], counts[0], 3)
    print(f"ready {json.dumps(figures)}", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            continue
        cells = measure(router, work, counts, repeats)
        headline = cells[f"p50 ms, 128 tokens, {'2' if is_routellm else '5'} candidates"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": headline, "peakRssBytes": peak, "cells": cells}), flush=True)


main()
