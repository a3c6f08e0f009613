"""all-MiniLM-L6-v2 as the folder that transformers.js loads: its files and `onnx/model.onnx`, float32, by torch.onnx.

    python bench/peers/export_minilm_onnx.py [--model .cache/models/all-MiniLM-L6-v2] [--out .cache/bench/all-MiniLM-L6-v2-onnx]

Run from the repository root. The graph has the inputs and the output (`last_hidden_state`) of the files on the hub.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import AutoModel

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
# The newest set that torch.onnx's exporter without extra packages writes.
OPSET = 17


class LastHiddenState(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(".cache/models/all-MiniLM-L6-v2"))
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/all-MiniLM-L6-v2-onnx"))
    arguments = parser.parse_args()
    (arguments.out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ["config.json", "tokenizer.json"]:
        shutil.copyfile(arguments.model / name, arguments.out / name)
    # transformers.js does not read sentence_bert_config.json, which has the model's limit.
    read = lambda name: json.loads((arguments.model / name).read_text())
    tokenizer = {**read("tokenizer_config.json"), "model_max_length": read("sentence_bert_config.json")["max_seq_length"]}
    (arguments.out / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    model = LastHiddenState(AutoModel.from_pretrained(arguments.model, attn_implementation="eager")).eval()
    tokens = torch.tensor([[101, 1996, 10145, 102], [101, 2534, 102, 0]])
    example = (tokens, (tokens != 0).long(), torch.zeros_like(tokens))
    axes = {0: "batch", 1: "tokens"}
    target = arguments.out / "onnx" / "model.onnx"
    torch.onnx.export(model, example, str(target), input_names=INPUTS, output_names=["last_hidden_state"], opset_version=OPSET,
                      dynamic_axes={name: axes for name in [*INPUTS, "last_hidden_state"]}, dynamo=False)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
