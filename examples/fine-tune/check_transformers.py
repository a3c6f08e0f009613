"""Greedy answers of transformers on the merged model, beside Tutti's in answers.json.

    python examples/fine-tune/check_transformers.py runs/fine-tune [COUNT]

Needs torch and transformers. Compares prompts and answers token by token.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

out = Path(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else None
asked = json.loads((out / "answers.json").read_text())
instruction, answers = asked["instruction"], asked["answers"][:count]
tokenizer = AutoTokenizer.from_pretrained(out / "model")
model = AutoModelForCausalLM.from_pretrained(out / "model", dtype=torch.float32).eval()

same_prompt = same_answer = same_text = 0
for given in answers:
    messages = [
        {"role": "system", "content": instruction},
        {"role": "user", "content": given["text"]},
    ]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    same_prompt += list(prompt) == given["promptIds"]
    inputs = torch.tensor([given["promptIds"]])
    with torch.no_grad():
        made = model.generate(inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=96, do_sample=False)
    ids = made[0, inputs.shape[1] :].tolist()
    same_answer += ids == given["answerIds"]
    same_text += tokenizer.decode(ids, skip_special_tokens=True).strip() == given["answer"]
print(f"{len(answers)} orders: {same_prompt} equal prompts, {same_answer} equal answers token by token, {same_text} equal texts")
sys.exit(0 if same_prompt == same_answer == same_text == len(answers) else 1)
