"""Kill a sweep with SIGKILL at random moments, start it again each time, and compare it with an undisturbed one.

    python scripts/kill_sweep.py                   # 12 LeNet jobs on the digits, three kills
    python scripts/kill_sweep.py --search optuna   # a search of 12 trials in SQLite
    python scripts/kill_sweep.py trainer.epochs=3  # further overrides for all jobs

Says how many jobs are completed, how often each was begun and gone on with, how many steps had to be done twice, and
whether metrics and weights are those of the undisturbed sweep, job by job. Exit code 1 if not.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from dl_runner.runtime.files import read_json
from dl_runner.tracking.metrics_file import METRICS, read_metrics

SEARCHES = {
    "grid": ("optimizer.lr=0.05,0.1,0.2,0.3", "seed=0,1,2"),
    "optuna": (
        "sweep=optuna",
        "sweep.n=12",
        "optimizer.lr=tag(log,interval(1e-2,0.5))",
        "model.dropout=interval(0,0.5)",
    ),
}
SHARED = ("device=cpu", "device.threads=1", "tracker.console=plain", "model=lenet", "data=digits")
CLOCKS = ("time", "train/memory_gib", "train/examples_per_second")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Kill a sweep again and again; it must not matter.")
    parser.add_argument("--search", choices=list(SEARCHES), default="grid")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: others each time")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        line = ["-m", *SHARED, *SEARCHES[given.search], *given.overrides, f"outputs={folder}"]
        began = time.monotonic()
        finish(start([*line, "sweep.name=whole"]))
        whole = time.monotonic() - began
        print(f"undisturbed: {whole:.0f} s")
        repeated = kill([*line, "sweep.name=killed"], Path(folder, "sweeps/killed"), given, whole)
        same = report(Path(folder, "sweeps/whole"), Path(folder, "sweeps/killed"), repeated)
        if given.search == "optuna":
            same &= study(Path(folder, "sweeps/whole")) == study(Path(folder, "sweeps/killed"))
    return 0 if same else 1


def start(line: Sequence[str]) -> subprocess.Popen:
    command = [sys.executable, "-m", "dl_runner", *line]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


def finish(process: subprocess.Popen) -> None:
    if code := process.wait():
        raise SystemExit(f"the sweep ended with exit code {code}")


def kill(line: Sequence[str], folder: Path, given: argparse.Namespace, whole: float) -> int:
    """Runs the sweep to its end, killing it on the way; returns the steps that were lost and done again."""
    moments, lost = random.Random(given.seed), 0
    for _ in range(given.kills):
        seconds, began = moments.uniform(0, 0.7 * whole / given.kills), time.time()
        process = start(line)
        while process.poll() is None and not trains(folder, began):
            time.sleep(0.01)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(
                f"killed {seconds:.1f} s into training: {', '.join(f'{n} {what}' for what, n in count(folder).items())}"
            )
        reached = {path.parent: last_step(path.parent) for path in folder.glob("*/run.json")}
        lost += sum(reached[path] - checkpoint(path) for path in reached if status(path) == "running")
    finish(start(line))
    return lost


def trains(folder: Path, since: float) -> bool:
    return any(path.stat().st_mtime >= since for path in folder.glob(f"*/{METRICS}"))


def status(folder: Path) -> str:
    return read_json(folder / "run.json")["status"]


def count(folder: Path) -> dict[str, int]:
    found = [status(path.parent) for path in folder.glob("*/run.json")]
    return {what: found.count(what) for what in sorted(set(found))}


def last_step(folder: Path) -> int:
    rows = read_metrics(folder / METRICS) if (folder / METRICS).exists() else []
    return rows[-1]["step"] if rows else 0


def checkpoint(folder: Path) -> int:
    """The step that a killed run goes on from."""
    from dl_runner.training.checkpoint import Checkpoints

    checkpoints = Checkpoints(folder)
    return checkpoints.load()["step"] if checkpoints.last.exists() else 0


def report(whole: Path, killed: Path, repeated: int) -> bool:
    """Prints how the killed sweep went; whether it came to the same as the undisturbed one."""
    names = sorted(path.parent.name for path in whole.glob("*/run.json"))
    found = sorted(path.parent.name for path in killed.glob("*/run.json"))
    records = [read_json(killed / name / "run.json") for name in found]
    metrics = sum(measured(whole / name) == measured(killed / name) for name in names if name in found)
    weights = sum(stored(whole / name) == stored(killed / name) for name in names if name in found)
    once = sum(len({row["step"] for row in logged(killed / name)}) == len(logged(killed / name)) for name in found)
    print(f"jobs: {len(found)} of {len(names)}; {', '.join(f'{n} {what}' for what, n in count(killed).items())}")
    print(f"gone on with from a checkpoint: {sum(len(record['resumed']) for record in records)} times")
    print(f"steps: {sum(record['step'] for record in records)} in all, {repeated} of them logged twice after a kill")
    print(f"jobs with each step's metrics once: {once}; the same metrics as undisturbed: {metrics}, weights: {weights}")
    return names == found and metrics == weights == once == len(names) and set(count(killed)) <= {"completed", "pruned"}


def logged(folder: Path) -> list[dict[str, Any]]:
    """The rows of the training, without the one of the test after it."""
    return [row for row in read_metrics(folder / METRICS) if "train/loss" in row]


def measured(folder: Path) -> list[dict[str, Any]]:
    rows = read_metrics(folder / METRICS)
    return [{key: value for key, value in row.items() if key not in CLOCKS} for row in rows]


def stored(folder: Path) -> dict[str, bytes]:
    weights = load_file(folder / "checkpoints" / "last.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in weights.items()}


def study(folder: Path) -> list[tuple]:
    """What a search has drawn and heard."""
    from dl_runner.sweep.study import open_study

    trials = open_study("sqlite", folder).trials
    print(
        f"{folder.name}: {len(trials)} trials, {sum(trial.state.name == 'PRUNED' for trial in trials)} of them pruned"
    )
    return [(trial.params, trial.state, trial.values, trial.intermediate_values) for trial in trials]


if __name__ == "__main__":
    sys.exit(main())
