"""Scores prompts with a folder of `tutti router export`, as a Python user would: onnxruntime and tokenizers, nothing of Tutti.

    python tools/exported_router.py FOLDER "PROMPT" ...     scores per candidate, best first
    python tools/exported_router.py FOLDER --json < FILE    FILE is a JSON array of prompts, the answer an array of rows

Needs onnxruntime, tokenizers and numpy. Copy the class `ExportedRouter` into a program of your own.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class ExportedRouter:
    """An exported router: prompts in, one score per candidate out."""

    def __init__(self, folder: str, threads: int = 1):
        path = Path(folder)
        self.manifest = self._checked(path)
        self.candidates = self.manifest["candidates"]
        self.tokenizer = Tokenizer.from_file(str(path / self.manifest["tokenizer"]))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(path / self.manifest["model"]), options, providers=["CPUExecutionProvider"]
        )

    @staticmethod
    def _checked(path: Path) -> dict:
        """The manifest, after its digest and the length and SHA-256 of every file were compared."""
        text = (path / "manifest.json").read_text(encoding="utf-8")
        manifest = json.loads(text)
        digest = manifest["digest"]
        before, _, after = text.rpartition(digest)
        found = hashlib.sha256((before + "0" * 64 + after).encode()).hexdigest()
        if found != digest:
            raise ValueError(f"manifest.json was changed: its digest is {found}, it says {digest}")
        for file in manifest["files"]:
            content = (path / file["name"]).read_bytes()
            if len(content) != file["bytes"] or hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise ValueError(f"{file['name']} was changed")
        return manifest

    def ids(self, prompt: str) -> list[int]:
        rule = self.manifest["tokenization"]
        text = rule["textBefore"] + prompt
        if rule["isLowerCased"]:
            # Lowering is per character: a capital sigma becomes σ at the end of a word too.
            text = text.replace("Σ", "σ").lower()
        own = self.tokenizer.encode(text, add_special_tokens=False).ids
        if not own:
            return rule["idsOfEmptyText"]
        room = max(0, rule["maxTokens"] - len(rule["idsBefore"]) - len(rule["idsAfter"]))
        kept = own[max(0, len(own) - room) :] if rule["keeps"] == "last" else own[:room]
        return [*rule["idsBefore"], *kept, *rule["idsAfter"]]

    def scores(self, prompts: list[str]) -> np.ndarray:
        """f32 [prompts, candidates], higher is better."""
        rows = [self.ids(prompt) for prompt in prompts]
        width = max(1, *map(len, rows))
        ids = np.full((len(rows), width), self.manifest["tokenization"]["padId"], np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        (scores,) = self.session.run(["scores"], {"input_ids": ids, "attention_mask": mask})
        return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("prompts", nargs="*")
    parser.add_argument("--json", action="store_true", help="read prompts from standard input")
    arguments = parser.parse_args()
    router = ExportedRouter(arguments.folder)
    if arguments.json:
        prompts = json.load(sys.stdin)
        print(json.dumps(router.scores(prompts).tolist()))
        return
    for prompt, row in zip(arguments.prompts, router.scores(arguments.prompts), strict=True):
        print(prompt)
        for at in np.argsort(-row, kind="stable"):
            print(f"  {row[at]:8.4f}  {router.candidates[at]}")


if __name__ == "__main__":
    main()
