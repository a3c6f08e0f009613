"""One merge of the benchmark by mergekit, in a process of its own.

    mergekit_merge.py METHOD FOLDER|--check [--threads N]

FOLDER holds the models of bench/merge-work.ts. Computes in float32 and stores bfloat16, as Tutti does. Prints {seconds,
peakRssBytes}; imports are not timed. --check only finds out whether mergekit is there.
"""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

METHODS = {
    "sce": ("sce", {"select_topk": 0.1}, {}),
    "ties": ("ties", {}, {"weight": 1.0, "density": 0.2}),
    "dare-linear": ("dare_linear", {}, {"weight": 1.0, "density": 0.1}),
    "linear": ("linear", {}, {"weight": 1.0}),
}
method, place = sys.argv[1], sys.argv[2]
if "--threads" in sys.argv:
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))


def merge(folder: Path, out: Path) -> None:
    name, parameters, own = METHODS[method]
    run_merge(
        MergeConfiguration.model_validate({
            "merge_method": name, "dtype": "float32", "out_dtype": "bfloat16", "parameters": parameters,
            "models": [{"model": str(folder / model), "parameters": own} for model in ("a", "b", "c")],
            **({} if name == "linear" else {"base_model": str(folder / "base")}),
        }),
        str(out),
        MergeOptions(copy_tokenizer=False, quiet=True, out_shard_size=2_000_000_000, random_seed=0),
    )


if place == "--check":
    print(json.dumps({"seconds": 0, "peakRssBytes": 0}))
else:
    out = Path(place) / f"mergekit-{method}"
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    merge(Path(place), out)
    seconds = time.perf_counter() - started
    shutil.rmtree(out)
    print(json.dumps({"seconds": seconds, "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
