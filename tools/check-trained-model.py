"""What transformers makes of models that `tutti train` wrote, for comparison with Tutti's own figures.

    python tools/check-trained-model.py < jobs.json

Reads from stdin a JSON list of {"folder": MODEL, "adapter": FOLDER or absent, "ids": [token ids]}. Prints a JSON list: for a
causal model the log-probability of every token after the first, for a sequence classifier its reward. Fails when a tensor is
missing, unexpected or of another shape. Needs torch and transformers, and peft for adapters.
"""

import json
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer


def load(folder: str, kind):
    model, report = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    wrong = {key: sorted(map(str, value)) for key, value in report.items() if value and "keys" in key}
    if wrong:
        sys.exit(f"{folder}: {wrong}")
    return model.eval()


def run(job: dict) -> dict:
    folder = job["folder"]
    AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([job["ids"]])
    if AutoConfig.from_pretrained(folder).architectures[0].endswith("ForSequenceClassification"):
        with torch.no_grad():
            return {"reward": load(folder, AutoModelForSequenceClassification)(input_ids=ids).logits[0, 0].item()}
    model = load(folder, AutoModelForCausalLM)
    if job.get("adapter"):
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, job["adapter"]).eval()
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    logp = torch.log_softmax(logits[0, :-1].double(), dim=-1).gather(1, ids[0, 1:, None])[:, 0]
    return {"logProbabilities": logp.tolist()}


print(json.dumps([run(job) for job in json.load(sys.stdin)]))
