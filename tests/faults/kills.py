"""SIGKILL at random moments, again and again, until a run or a sweep is done nevertheless.

    python tests/faults/kills.py KIND KILLS SEED FOLDER

Prints how many kills came while it ran, and whether the end is that of an undisturbed one; exit code 1 if not. This
process only imports; what is killed are processes forked from it, which begin at once.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch  # noqa: F401 - imported before the forks
from helpers import EXACT, rows
from safetensors.torch import load_file

from dl_runner.cli.app import run as command
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.running.launch import finish
from dl_runner.runtime.files import read_json

QUIET = (*EXACT, "tracker.console=none", "trainer.log_every=2 steps")
TEXT = ("data=python_docs", "data.characters=3000", "data.steps=8", "data.batch_size=8", "data.validation=0.2")
OFTEN = ("trainer.steps=40", "trainer.evaluate_every=4 steps", "trainer.checkpoint_every=3 steps")
DIGITS = ("data=digits", "data.limit=200", "data.batch_size=20")
RUNS = {
    "classification": (*DIGITS, "model=lenet", "augment=translation", *OFTEN),
    "regression": ("data=synthetic_regression", "model=mlp", "data.batch_size=20", "optimizer=adam", *OFTEN),
    "language model, random": (*TEXT, "model=gru", "model.hidden=16", "model.dropout=0.2", *OFTEN),
    "language model, sequential": (*TEXT, "data.sampling=sequential", "model=lstm", "model.hidden=16", *OFTEN),
    "segmentation": (
        *("experiment=fcn_scattered_digits", "model.backbone=[vgg,{depth:11,divisor:16,batch_norm:true}]"),
        *("data.images=24", "data.validation_images=7", "data.test_images=5", "data.batch_size=8", "augment=flip_crop"),
        *("trainer.steps=8", "trainer.evaluate_every=2 steps", "trainer.checkpoint_every=1 steps"),
    ),
}
JOBS = ("-m", *DIGITS, "model=mlp", *OFTEN, *QUIET, "sweep.name=s")
SWEEPS = {
    "sweep": (*JOBS, "optimizer.lr=0.05,0.1,0.2"),
    "search": (*JOBS, "sweep=optuna", "sweep.n=4", "optimizer.lr=tag(log,interval(1e-2,0.5))"),
}


def run(kind: str, folder: Path) -> None:
    finish(check_config(to_plain(compose([*QUIET, *RUNS[kind]]))), folder / "run")


def sweep(kind: str, folder: Path) -> None:
    if code := command([*SWEEPS[kind], f"outputs={folder}"]):
        raise SystemExit(code)


def forked(work: Callable[[str, Path], None], kind: str, folder: Path) -> int:
    """The number of a process that does the work."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        work(kind, folder)
        code = 0
    finally:
        os._exit(code)


def ends(folder: Path) -> dict[str, tuple]:
    """What each run below a folder has come to: status, metrics without clocks, weights byte by byte."""
    found = {}
    for record in sorted(folder.rglob("run.json")):
        weights = {path.name: load_file(path) for path in sorted((record.parent / "checkpoints").glob("*.safetensors"))}
        tensors = {
            name: {key: one.numpy().tobytes() for key, one in values.items()} for name, values in weights.items()
        }
        status, metrics = (
            read_json(record)["status"],
            {
                name: value
                for name, value in read_json(record)["metrics"].items()
                if not name.endswith(("_gib", "_per_second"))
            },
        )
        found[str(record.parent.relative_to(folder))] = (status, metrics, rows(record.parent), tensors)
    return found


def main(kind: str, kills: int, seed: int, folder: Path) -> int:
    work = run if kind in RUNS else sweep
    began = time.monotonic()
    if os.waitpid(forked(work, kind, folder / "whole"), 0)[1]:
        raise SystemExit("the undisturbed one failed")
    seconds, moments, hit = time.monotonic() - began, random.Random(seed), 0
    again = 0
    while hit < kills:
        killed = folder / f"killed {again}"
        for _ in range(3):  # each of them goes on where the last one was killed
            process = forked(work, kind, killed)
            time.sleep(moments.uniform(0, seconds if kind in RUNS else seconds / 2))
            os.kill(process, signal.SIGKILL)
            if not os.WIFSIGNALED(os.waitpid(process, 0)[1]):
                break  # it was done before
            hit += 1
        if os.waitpid(forked(work, kind, killed), 0)[1]:
            print(f"{kind}: after a kill, {killed} cannot go on")
            return 1
        if ends(killed) != ends(folder / "whole"):
            print(f"{kind}: {killed} came to another end than the undisturbed one")
            return 1
        again += 1
    print(f"{kind}: {hit} kills over {again} runs, every end the same bit for bit (seed {seed}, {seconds:.1f} s a run)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
