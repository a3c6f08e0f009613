"""sentence-transformers on the CPU: texts to vectors in float32.

    sentence_transformers_embed.py MODE TEXTS_FILE MODEL_FOLDER [--threads N]

MODE is throughput (all texts in one call of `encode`, whose default sorts by length and takes 32 at a time) or p50, p99
(one text a call). Speaks the protocol of bench/subject-process.ts and measures what bench/embed-work.ts measures.
"""

import json
import math
import resource
import sys
import time
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

SINGLE_TEXTS = 128
LEAST_COSINE = 0.9999


def check(model):
    recorded = json.loads(Path("fixtures/embeddings/minilm.json").read_text(encoding="utf-8"))["sentences"]
    vectors = torch.from_numpy(model.encode([sentence["text"] for sentence in recorded]))
    expected = torch.tensor([sentence["embedding"] for sentence in recorded])
    worst = float((vectors * expected).sum(1).min())
    if not worst > LEAST_COSINE:
        raise SystemExit(f"the worst cosine to the recorded vectors is {worst}, expected above {LEAST_COSINE}")


def measure(mode, model, texts):
    """Seconds per 1000 texts, or milliseconds of the text at the percentile."""
    if mode == "throughput":
        started = time.perf_counter()
        model.encode(texts, show_progress_bar=False)
        return 1000 * (time.perf_counter() - started) / len(texts)
    times = []
    for text in texts[:SINGLE_TEXTS]:
        started = time.perf_counter()
        model.encode(text, show_progress_bar=False)
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    return times[max(0, math.ceil((0.5 if mode == "p50" else 0.99) * len(times)) - 1)]


def main():
    mode, texts_file, folder = sys.argv[1:4]
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    if not Path(folder, "config.json").exists():
        raise SystemExit(f"{folder} is missing: npx tsx tools/fetch-models.ts minilm")
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    check(model)
    model.encode(texts[:SINGLE_TEXTS], show_progress_bar=False)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            continue
        seconds = measure(mode, model, texts)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


main()
