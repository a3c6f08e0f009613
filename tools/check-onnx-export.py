"""Runs folders written by `tutti model export` as a Python user would: onnxruntime and tokenizers, nothing of Tutti.

    python tools/check-onnx-export.py EXPORT [--reference HUGGING_FACE_FOLDER] [--tokens 16]

Needs onnx, onnxruntime and tokenizers; with a reference also torch and transformers.

Checks the manifest's lengths and hashes, that the ONNX checker accepts the file, and that a padded batch gives every text
what it gets alone. With a reference folder, transformers computes the same from the original weights: the largest
difference is printed and, for models with a past, 16 greedy tokens are compared. Exits with 1 when something is wrong.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

TEXTS = [
    "The orchestra tunes to the oboe.",
    "def area(r):\n    return 3.14159 * r ** 2",
    "Příliš žluťoučký kůň; 東京の天気は晴れです 🎻",
    "Yes.",
]


def check_files(folder: Path, manifest: dict) -> None:
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        assert len(content) == file["bytes"], f"{file['name']}: length"
        assert hashlib.sha256(content).hexdigest() == file["sha256"], f"{file['name']}: sha256"


class Exported:
    """An exported model and its tokenizer."""

    def __init__(self, folder: Path):
        self.manifest = json.loads((folder / "manifest.json").read_text())
        check_files(folder, self.manifest)
        path = str(folder / self.manifest["model"])
        onnx.checker.check_model(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.output = self.manifest["outputs"][0]["name"]

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def empty_past(self, batch: int) -> dict[str, np.ndarray]:
        return {
            value["name"]: np.zeros((batch, value["shape"][1], 0, value["shape"][3]), np.float32)
            for value in self.manifest["inputs"]
            if value["name"].startswith("past_key_values.")
        }

    def run(self, ids: np.ndarray, mask: np.ndarray, past: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        feeds = {"input_ids": ids, "attention_mask": mask, **(past if past is not None else self.empty_past(len(ids)))}
        if any(value["name"] == "token_type_ids" for value in self.manifest["inputs"]):
            feeds["token_type_ids"] = np.zeros_like(ids)
        names = [value.name for value in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, feeds), strict=True))

    def alone(self, ids: list[int]) -> np.ndarray:
        row = np.array([ids], np.int64)
        return self.run(row, np.ones_like(row))[self.output][0]

    def greedy(self, ids: list[int], count: int) -> list[int]:
        """Keys and values go back in; each step reads one new token."""
        made, past = list(ids), self.empty_past(1)
        new = np.array([ids], np.int64)
        for _ in range(count):
            results = self.run(new, np.ones((1, len(made)), np.int64), past)
            made.append(int(results["logits"][0, -1].argmax()))
            past = {f"past_key_values{name[7:]}": value for name, value in results.items() if name.startswith("present")}
            new = np.array([[made[-1]]], np.int64)
        return made[len(ids) :]


def check_batch(model: Exported) -> float:
    """Largest difference between texts in one padded batch and each alone, as a share of the largest value."""
    rows = [model.ids(text) for text in TEXTS]
    width = max(map(len, rows))
    sides = ["right"] if model.manifest["family"] == "encoder" else ["right", "left"]
    worst, size = 0.0, 0.0
    for side in sides:
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(rows):
            place = slice(0, len(tokens)) if side == "right" else slice(width - len(tokens), width)
            ids[row, place], mask[row, place] = tokens, 1
        together = model.run(ids, mask)[model.output]
        for row, tokens in enumerate(rows):
            alone = model.alone(tokens)
            worst = max(worst, float(np.abs(together[row][mask[row] == 1] - alone).max()))
            size = max(size, float(np.abs(alone).max()))
    return worst / size


def check_reference(model: Exported, folder: str, count: int) -> list[str]:
    import torch
    import transformers

    torch.set_num_threads(1)
    task = model.manifest["task"]
    kinds = {
        "text-generation": transformers.AutoModelForCausalLM,
        "feature-extraction": transformers.AutoModel,
        "fill-mask": transformers.AutoModelForMaskedLM,
        "text-classification": transformers.AutoModelForSequenceClassification,
    }
    reference = kinds[task].from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    worst, size, cosines, agreed, positions = 0.0, 0.0, [], 0, 0
    for text in TEXTS:
        ids = model.ids(text)
        assert ids == tokenizer(text)["input_ids"], f"token ids of {text!r}"
        with torch.no_grad():
            outputs = reference(torch.tensor([ids]))
        expected = outputs[0][0].numpy()
        received = model.alone(ids)
        worst = max(worst, float(np.abs(received - expected).max()))
        size = max(size, float(np.abs(expected).max()))
        agreed += int((received.argmax(-1) == expected.argmax(-1)).sum())
        positions += expected.shape[0] if expected.ndim > 1 else 1
        a, b = received.mean(0), expected.mean(0)
        cosines.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    lines = [f"against transformers: largest difference {worst:.2e} of values up to {size:.1f}"]
    if task == "feature-extraction":
        lines.append(f"  cosine of mean-pooled states {min(cosines):.6f} or more")
    else:
        lines.append(f"  most likely token equal at {agreed} of {positions} positions")
    if model.manifest["hasPast"]:
        ids = model.ids(TEXTS[0])
        with torch.no_grad():
            made = reference.generate(torch.tensor([ids]), max_new_tokens=count, do_sample=False)[0, len(ids) :].tolist()
        received = model.greedy(ids, len(made))
        same = next((i for i, (a, b) in enumerate(zip(received, made, strict=True)) if a != b), len(made))
        lines.append(f"  {same} of {len(made)} greedy tokens equal: {model.tokenizer.decode(received)!r}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--reference", help="folder of the same model for transformers")
    parser.add_argument("--tokens", type=int, default=16, help="greedy tokens to compare")
    arguments = parser.parse_args()
    model = Exported(arguments.export)
    manifest = model.manifest
    past = " with past" if manifest["hasPast"] else ""
    print(f"{arguments.export.name}: {manifest['modelType']}, {manifest['task']}{past}, {manifest['weights']['dtype']}")
    print(f"onnxruntime {onnxruntime.__version__}: files, hashes and graph are right")
    difference = check_batch(model)
    print(f"texts in a padded batch and alone differ by {difference:.1e} of the largest value")
    if arguments.reference:
        print("\n".join(check_reference(model, arguments.reference, arguments.tokens)))
    # Kernels sum in other orders for other shapes, and MatMulNBits rounds activations to 8 bits besides.
    if difference > (0.05 if "com.microsoft" in manifest["operatorSets"] else 1e-5):
        sys.exit("a padded batch changes the values")


main()
