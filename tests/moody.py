"""Sweeps of a small model that does what the file `mood` says."""

import subprocess
import sys
import time
from pathlib import Path

from helpers import EXACT, HANGS
from safetensors.torch import load_file

from dl_runner.cli.app import run
from dl_runner.tracking.run_folder import RunRecord

MOODY = """
import os, signal, time
from pathlib import Path
import torch
from torch import nn
from dl_runner import register

def mood():
    return Path("mood").read_text() if Path("mood").exists() else ""

class Moody(nn.Sequential):
    steps = 0

    def forward(self, x):
        learning = self.training and torch.is_grad_enabled()  # not the look at its outputs before the run
        self.steps += learning
        if mood() == f"fail in {self.width}":
            raise ZeroDivisionError("on purpose")
        if mood() == "fail once" and learning:
            Path("mood").unlink()
            raise ZeroDivisionError("on purpose")
        if mood() == f"stop in {self.width}" and self.steps == 7 and learning:
            signal.raise_signal(signal.SIGINT)
        if mood() == f"hang in {self.width}" and self.steps == 7 and learning:
            Path("hangs").touch()
            time.sleep(600)
        if mood() == "slow" and learning:
            with open("trained", "a") as file:
                file.write(f"{self.width}\\n")
            time.sleep(0.02)
        return super().forward(x)

@register("model")
def moody(data, *, width: int = 8):
    if mood() == f"unbuildable {width}":
        raise ZeroDivisionError("no model today")
    model = Moody(nn.Flatten(), nn.Linear(64, width), nn.Dropout(0.2), nn.ReLU(), nn.Linear(width, 10))
    model.width = width
    return model
"""
SMALL = (
    *("--config-dir", "conf", "plugins=[moody_model]", "model=moody", "data.image_size=8", "trainer.steps=12"),
    *("trainer.evaluate_every=3 steps", "trainer.checkpoint_every=3 steps", "tracker.tensorboard=false", *EXACT),
)


def sweep(*overrides, name="s"):
    return run(["-m", *SMALL, f"sweep.name={name}", *overrides])


def folders(name="s"):
    return sorted((path.parent for path in Path("outputs/sweeps", name).glob("*/run.json")), key=lambda path: path.name)


def statuses(name="s"):
    return {folder.name: RunRecord.load(folder)["status"] for folder in folders(name)}


def weights(folder):
    return load_file(folder / "checkpoints" / "last.safetensors")


def assert_same_weights(folder, other):
    ours, theirs = weights(folder), weights(other)
    assert all(value.equal(theirs[key]) for key, value in ours.items())


def feel(mood):
    Path("mood").write_text(mood)


def start(*overrides):
    """The sweep in a process of its own."""
    line = ["-m", *SMALL, "sweep.name=s", *overrides]
    return subprocess.Popen([sys.executable, "-m", "dl_runner", *line], stdout=subprocess.PIPE)


def wait_until(condition, process):
    deadline = time.monotonic() + HANGS
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def trained():
    """Steps of all jobs together, those that had to be repeated among them."""
    return len(Path("trained").read_text().splitlines()) if Path("trained").exists() else 0
