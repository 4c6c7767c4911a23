"""Time `dlrun compare` over many runs, as a whole process: start of Python, reading, folding and the table.

python scripts/bench_compare.py                      # 300 runs, seven times
python scripts/bench_compare.py --runs 1000 --options --png picture.png
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain, to_yaml

EPOCHS, REPORTS = 10, 5  # of each epoch
MODELS = {"mlp": 235_146, "lenet": 61_706}
RATES = (0.3, 0.1, 0.03, 0.01, 0.003)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--times", type=int, default=7, help="how often the command is timed")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="further options of dlrun compare")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Path(folder), given.runs)
        command = [sys.executable, "-m", "dl_runner", "compare", folder, *given.options]
        seconds = []
        for _ in range(given.times):
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds.append(time.perf_counter() - began)
        rows = len(done.stdout.splitlines())
        print(
            f"dlrun compare {' '.join(given.options)} over {given.runs} runs ({rows} lines): median "
            f"{statistics.median(seconds):.2f} s, fastest {min(seconds):.2f} s, slowest {max(seconds):.2f} s "
            f"of {given.times}; {os.cpu_count()} cores"
        )


def make_runs(folder: Path, count: int) -> None:
    """Run folders as a sweep over models, learning rates and seeds leaves them, without checkpoints."""
    chance = random.Random(0)
    plain = {name: to_plain(compose([f"model={name}"])) for name in MODELS}
    for number in range(count):
        name, rate = list(MODELS)[number % 2], RATES[number // 2 % len(RATES)]
        seed = number // (2 * len(RATES))
        run = folder / "sweeps" / "sweep" / f"{number}_model={name},optimizer.lr={rate},seed={seed}"
        run.mkdir(parents=True)
        one = {**plain[name], "optimizer": {"name": "sgd", "lr": rate}, "seed": seed}
        (run / "config.yaml").write_text(to_yaml(one))
        rows = list(make_rows(chance, rate))
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (run / "run.json").write_text(json.dumps(make_record(number, name, seed, rows), indent=2))
        (run / "log.txt").touch()


def make_rows(chance: random.Random, rate: float):
    """The rows of metrics.jsonl: learning curves that fall as fast as the rate allows."""
    steps, now = 210, time.time()
    for report in range(1, EPOCHS * REPORTS + 1):
        epoch = report / REPORTS
        loss = 2.3 * math.exp(-3 * math.sqrt(rate) * epoch) + 0.05 + chance.random() * 0.05
        row = {"step": report * steps // (EPOCHS * REPORTS), "epoch": epoch, "time": now + report / 10}
        row |= {"train/loss": loss, "train/accuracy": math.exp(-loss), "train/learning_rate": rate}
        row |= {"train/memory_gib": 0.7, "train/weight_norm": 18.0 + epoch, "train/gradient_norm": 4 * loss}
        row |= {"train/examples_per_second": 7000 + 1000 * chance.random()}
        if report % REPORTS == 0:
            row |= {"validation/loss": loss * 1.1, "validation/accuracy": math.exp(-loss * 1.1)}
        yield row


def make_record(number: int, name: str, seed: int, rows: list[dict]) -> dict:
    start = datetime.now(UTC) + timedelta(seconds=6 * number)
    metrics = {key: value for key, value in rows[-1].items() if "/" in key}
    metrics |= {"test/loss": metrics["validation/loss"], "test/accuracy": metrics["validation/accuracy"]}
    return {
        "command": ["dlrun", "-m", "model=mlp,lenet"],
        "git": {"commit": "0" * 40, "dirty": False},
        "versions": {"python": "3.11", "torch": "2.15"},
        "host": {"name": "bench", "cores": 2},
        "device": "cpu",
        "precision": "fp32",
        "parameters": MODELS[name],
        "data": {"task": "classification", "input_shape": [1, 28, 28], "outputs": 10, "classes": list("0123456789")},
        "seed": seed,
        "start": start.isoformat(timespec="seconds"),
        "end": (start + timedelta(seconds=5)).isoformat(timespec="seconds"),
        "seconds": 5.0,
        "status": "completed",
        "step": rows[-1]["step"],
        "metrics": metrics,
        "traceback": None,
        "resumed": [],
    }


if __name__ == "__main__":
    main()
