"""The way of OpenAI's HumanEval evaluator: each program with its tests in a process of its own, run by `exec`.

    exec_runner.py WORKERS [--threads N]

A process is forked for each program and reports over a pipe; the evaluator's shared list behind a manager process, which
costs another process start, is left out. Speaks the protocol of bench/subject-process.ts.
"""

import contextlib
import io
import json
import multiprocessing
import resource
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIME_LIMIT_SECONDS = 10.0
LEAST_AGREEMENT = 0.97
PROGRAMS = Path(".cache/bench/judge-code-programs.json")
FORK = multiprocessing.get_context("fork")


def execute(source, sender):
    def late(signum, frame):
        raise TimeoutError

    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_SECONDS)
    signal.signal(signal.SIGALRM, late)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(source, {})
        sender.send("passed")
    except TimeoutError:
        sender.send("timed out")
    except BaseException as error:
        sender.send(f"failed: {error}")


def passes(program):
    receiver, sender = FORK.Pipe(duplex=False)
    source = program["code"] + "\n" + "\n".join(program["tests"])
    process = FORK.Process(target=execute, args=(source, sender))
    process.start()
    sender.close()
    process.join(TIME_LIMIT_SECONDS + 1)
    if process.is_alive():
        process.kill()
    try:
        return receiver.recv() == "passed"
    except EOFError:
        return False


def main():
    workers = int(sys.argv[1])
    programs = json.loads(PROGRAMS.read_text(encoding="utf-8"))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        verdicts = list(pool.map(passes, programs))
        agreement = sum(v == p["isPassing"] for v, p in zip(verdicts, programs)) / len(programs)
        if agreement < LEAST_AGREEMENT:
            raise SystemExit(f"{100 * agreement:.1f} % of the verdicts are the recorded ones")
        print("ready " + json.dumps({"programs": len(programs), "agreement": agreement}), flush=True)
        for line in sys.stdin:
            if line.strip() != "round":
                continue
            started = time.perf_counter()
            list(pool.map(passes, programs))
            seconds = (time.perf_counter() - started) / len(programs)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            print(json.dumps({"seconds": seconds, "peakRssBytes": peak}), flush=True)


main()
