"""PyTorch on the CPU: one training step (forward, backward, clipping, AdamW) in float32.

    torch_train_step.py SHAPE [--compile] [--checkpoint] [--threads N]

The same shapes as bench/subjects/train-step-shapes.ts; --compile runs the model through torch.compile, --checkpoint
computes layers twice (gradient checkpointing). Speaks the protocol of bench/subject-process.ts: prints
"ready", then answers every "round" line with one JSON object.
"""

import json
import resource
import sys
import time

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
)

WARMUP_STEPS = 2


def masked_batch(config, batch, tokens):
    """Rows without padding, 15 % of the tokens labelled."""
    ids = torch.randint(0, config.vocab_size, (batch, tokens))
    labels = torch.full((batch * tokens,), -100)
    count = round(0.15 * batch * tokens)
    labels[torch.arange(count) * (batch * tokens) // count] = torch.randint(0, config.vocab_size, (count,))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels.view(batch, tokens)}


def minilm():
    config = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForMaskedLM(config), masked_batch(config, 32, 128)


def modernbert():
    """ModernBERT-base. Sparse prediction computes head and logits at labelled positions only."""
    config = ModernBertConfig(
        vocab_size=50368,
        hidden_size=768,
        num_hidden_layers=22,
        num_attention_heads=12,
        intermediate_size=1152,
        local_attention=128,
        global_attn_every_n_layers=3,
        sparse_prediction=True,
    )
    model = ModernBertForMaskedLM._from_config(config, attn_implementation="sdpa")
    return model, masked_batch(config, 8, 256)


def decoder(batch, **overrides):
    config = LlamaConfig(
        **{
            "vocab_size": 49152,
            "hidden_size": 576,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "intermediate_size": 1536,
            "tie_word_embeddings": True,
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-5,
            "use_cache": False,
            **overrides,
        }
    )
    ids = torch.randint(0, config.vocab_size, (batch, 256))
    return LlamaForCausalLM(config), {"input_ids": ids, "labels": ids}


def smollm2():
    return decoder(4)


def smollm2_lora():
    from peft import LoraConfig, get_peft_model

    model, batch = smollm2()
    return get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")), batch


def decoder_30m():
    return decoder(
        8,
        vocab_size=32000,
        hidden_size=384,
        num_hidden_layers=10,
        num_attention_heads=6,
        num_key_value_heads=6,
        intermediate_size=1024,
    )


SHAPES = {
    "minilm": minilm,
    "modernbert": modernbert,
    "smollm2": smollm2,
    "smollm2-lora": smollm2_lora,
    "decoder-30m": decoder_30m,
}


def main():
    shape = sys.argv[1]
    torch.set_num_threads(int(sys.argv[sys.argv.index("--threads") + 1]))
    torch.manual_seed(0)
    model, batch = SHAPES[shape]()
    model.train()
    if "--checkpoint" in sys.argv:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() > 1]
    vectors = [p for p in trained if p.dim() <= 1]
    run = torch.compile(model) if "--compile" in sys.argv else model
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}], lr=1e-4
    )

    def step():
        optimizer.zero_grad(set_to_none=True)
        run(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    for _ in range(WARMUP_STEPS):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            continue
        started = time.perf_counter()
        step()
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


main()
