"""One operation of the import-export benchmark by Hugging Face datasets or pyarrow, in a process of its own.

    datasets_files.py OPERATION FOLDER

FOLDER holds rows.jsonl.gz of bench/import-export-work.ts. Prints {seconds, peakRssBytes}; imports are not timed.
"""

import gzip
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as parquet
from datasets import Dataset, disable_progress_bars, load_dataset

disable_progress_bars()
operation, folder = sys.argv[1], Path(sys.argv[2])
source, table = folder / "rows.jsonl.gz", folder / "peer.parquet"
cache = tempfile.mkdtemp()


def load() -> Dataset:
    """Arrow's memory-mapped cache: the nearest that datasets has to a store."""
    return load_dataset("json", data_files=str(source), split="train", cache_dir=cache)


def split() -> None:
    parts = load().train_test_split(test_size=0.2, seed=0)
    parts["train"].to_json(folder / "peer-train.jsonl.gz", compression="gzip")
    parts["test"].to_json(folder / "peer-test.jsonl.gz", compression="gzip")


def parquet_to_lines() -> None:
    with gzip.open(folder / "peer-back.jsonl.gz", "wt", encoding="utf-8") as out:
        for batch in parquet.ParquetFile(table).iter_batches():
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())


OPERATIONS = {
    "jsonl.gz into a store": load,
    "jsonl.gz into parquet": lambda: load().to_parquet(table),
    "parquet into jsonl.gz": parquet_to_lines,
    "split": split,
}

started = time.perf_counter()
OPERATIONS[operation]()
seconds = time.perf_counter() - started
shutil.rmtree(cache)
print(json.dumps({"seconds": seconds, "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
