"""math-verify over a file of graded responses.

    math_verify_judge.py RESPONSES_FILE [--verdicts FILE]

Speaks the protocol of bench/subject-process.ts; with --verdicts it writes one verdict a response (true, false) as JSON and ends.
The reference is parsed between dollar signs, with plain expressions as the second choice, the way math-verify's own tasks do.
"""

import json
import logging
import resource
import sys
import time

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

logging.disable(logging.CRITICAL)
KINDS = [LatexExtractionConfig(), ExprExtractionConfig()]


def is_correct(item):
    gold = parse(f"${item['reference']}$", KINDS)
    return bool(verify(gold, parse(item["response"], KINDS)))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        items = json.load(file)
    if "--verdicts" in sys.argv:
        verdicts = [is_correct(item) for item in items]
        with open(sys.argv[sys.argv.index("--verdicts") + 1], "w", encoding="utf-8") as file:
            json.dump(verdicts, file)
        return
    agreed = sum(is_correct(item) == item["recorded"] for item in items)
    figures = {"agreement": agreed / len(items), "responses": len(items)}
    print("ready " + json.dumps(figures, separators=(",", ":")), flush=True)
    for line in sys.stdin:
        if line.strip() != "round":
            continue
        started = time.perf_counter()
        for item in items:
            is_correct(item)
        seconds = 1000 * (time.perf_counter() - started) / len(items)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


main()
