"""Trains the WordPiece tokenizer that routers trained from scratch use by default.

Needs tokenizers==0.23.3 (another version may learn other words). Usage:

    python tools/train_tokenizer.py --out assets/tokenizer/tokenizer.json DATA.jsonl.gz...

DATA are judged-record files (one JSON object per line, gzip'd or not). Every prompt is read once and every
candidate's response once, further turns included. The result depends on the set of texts only, not on their order
or on the run: the library numbers characters in the order of a hash table, and breaks ties between merges by those
numbers, so the alphabet is counted and numbered here and handed to it.
"""

import argparse
import gzip
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PINNED = "0.23.3"
# Responses that repeat themselves without end, and long runs of digits, must not earn entries of their own.
MOST_PER_TEXT = 10
LONGEST_WORD = 30
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"[unused{index}]" for index in range(32)]


def texts_of(path: Path):
    """Prompts and responses of one judged-record file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            prompt = record["prompt"]
            if isinstance(prompt, str):
                yield prompt
            else:
                yield from (message["content"] for message in prompt)
            if "turn_2" in record:
                yield record["turn_2"]
            for candidate in record["candidates"].values():
                yield candidate["response"]
                if "response_2" in candidate:
                    yield candidate["response_2"]


def build_tokenizer(vocabulary: dict[str, int] | None = None) -> Tokenizer:
    """An uncased BERT pipeline."""
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary or {}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def alphabet_of(words: Counter, limit: int) -> tuple[list[str], list[str]]:
    """The most frequent characters, and those of them that continue a word; both in code-point order."""
    counts, continuing = Counter(), Counter()
    for word, count in words.items():
        for index, character in enumerate(word):
            counts[character] += count
            if index > 0:
                continuing[character] += count
    kept = sorted(counts, key=lambda character: (-counts[character], character))[:limit]
    return sorted(kept), sorted(character for character in kept if continuing[character] > 0)


def train(words: Counter, vocabulary_size: int, limit_alphabet: int) -> Tokenizer:
    alphabet, continuing = alphabet_of(words, limit_alphabet)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        # Entries named as special are numbered first, in this order, which fixes the numbers of the pieces too.
        special_tokens=SPECIAL + alphabet + [f"##{character}" for character in continuing],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix="##",
        show_progress=False,
    )
    # Words are trained on one by one, already normalised and split: repeating each as often as it occurs gives the
    # library these counts.
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    repeated = ([word] * count for word, count in sorted(words.items()))
    learner.train_from_iterator((word for copies in repeated for word in copies), trainer)
    tokenizer = build_tokenizer(learner.get_vocab(with_added_tokens=True))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the default WordPiece tokenizer.")
    parser.add_argument("data", nargs="+", type=Path, help="judged-record files (.jsonl or .jsonl.gz)")
    parser.add_argument("--out", type=Path, required=True, help="tokenizer.json to write")
    parser.add_argument("--vocabulary-size", type=int, default=8192)
    parser.add_argument("--limit-alphabet", type=int, default=400, help="most characters kept as words of their own")
    arguments = parser.parse_args()
    if tokenizers.__version__ != PINNED:
        print(f"warning: tokenizers {tokenizers.__version__}, the shipped file was made with {PINNED}", file=sys.stderr)

    pipeline, words = build_tokenizer(), Counter()
    for path in arguments.data:
        for text in texts_of(path):
            normalised = pipeline.normalizer.normalize_str(text)
            for word, count in Counter(word for word, _ in pipeline.pre_tokenizer.pre_tokenize_str(normalised)).items():
                if len(word) <= LONGEST_WORD:
                    words[word] += min(count, MOST_PER_TEXT)
    tokenizer = train(words, arguments.vocabulary_size, arguments.limit_alphabet)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    content = tokenizer.to_str(pretty=False) + "\n"
    arguments.out.write_text(content, encoding="utf-8")
    print(
        f"{arguments.out}: {tokenizer.get_vocab_size()} entries, {len(content.encode())} bytes, "
        f"sha256 {hashlib.sha256(content.encode()).hexdigest()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
