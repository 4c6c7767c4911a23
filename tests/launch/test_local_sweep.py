"""`dlrun -m hydra/launcher=local` as a user meets it."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import EXACT, move_to
from safetensors.torch import load_file

from dl_runner.cli.app import run
from dl_runner.tracking.run_folder import RunRecord

MODEL = """
import math, os, signal, sys, time
from pathlib import Path
import torch
from torch import nn
from dl_runner import register

class Odd(nn.Sequential):
    steps = 0

    def forward(self, x):
        self.steps += self.training and torch.is_grad_enabled()
        mood = Path("mood").read_text() if Path("mood").exists() else ""
        if self.steps == 4 and self.training:
            if f"kill {self.width}" in mood:
                os.kill(os.getpid(), signal.SIGKILL)
            if f"kill once {self.width}" in mood and not Path("killed").exists():
                Path("killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if f"talk {self.width}" in mood:
                print("said by the model")
                print("said in its distress", file=sys.stderr)
            Path(f"reached_{self.width}").write_text(str(os.getpid()))
        if "slow from then on" in mood and self.steps >= 4:
            while not (Path("reached_4").exists() and Path("reached_5").exists()):
                time.sleep(0.01)
            time.sleep(0.5)
        return super().forward(x)

@register("model")
def odd(data, *, width: int = 8):
    features = math.prod(data.input_shape)
    model = Odd(nn.Flatten(), nn.Linear(features, width), nn.Dropout(0.2), nn.ReLU(), nn.Linear(width, data.outputs))
    model.width = width
    return model
"""
SMALL = (
    *("--config-dir", "conf", "plugins=[odd_model]", "model=odd", "data=synthetic_regression"),
    *("data.batch_size=64", "optimizer.lr=0.01", "trainer.steps=12"),
    *("trainer.evaluate_every=3 steps", "trainer.checkpoint_every=3 steps", "tracker.tensorboard=false", *EXACT),
)
LOCAL = ("hydra/launcher=local", "hydra.launcher.jobs=2")


def go_to(folder: Path, patch: pytest.MonkeyPatch) -> None:
    move_to(folder, patch, "odd", MODEL)
    patch.syspath_prepend(folder)


@pytest.fixture(autouse=True)
def own_model(tmp_path, monkeypatch):
    go_to(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The folder of a sweep over the widths 4, 5 and 6, one job after the other."""
    with pytest.MonkeyPatch.context() as patch:
        go_to(tmp_path_factory.mktemp("serial"), patch)
        assert sweep("model.width=4,5,6") == 0
        return Path("outputs/sweeps/s").absolute()


def sweep(*overrides):
    return run(["-m", *SMALL, "sweep.name=s", *overrides])


def records():
    found = sorted(Path("outputs/sweeps/s").glob("*/run.json"))
    return {path.parent.name: RunRecord.load(path.parent) for path in found}


def statuses():
    return {folder: record["status"] for folder, record in records().items()}


def assert_same_weights(other):
    weights = "*/checkpoints/last.safetensors"
    ours, theirs = (sorted(folder.glob(weights)) for folder in (Path("outputs/sweeps/s"), other))
    assert ours and len(ours) == len(theirs)
    for mine, yours in zip(ours, theirs, strict=True):
        expected = load_file(yours)
        assert all(value.equal(expected[key]) for key, value in load_file(mine).items())


def test_jobs_side_by_side_have_the_weights_of_jobs_one_after_the_other(serial, capfd):
    Path("mood").write_text("talk 5")
    capfd.readouterr()
    assert sweep("model.width=4,5,6", *LOCAL) == 0
    assert_same_weights(serial)
    out, err = capfd.readouterr()
    assert err == "" and "said" not in out and out.count("\n") < 20  # the runs' own lines are in their logs
    for folder in ("0_model.width=4", "1_model.width=5", "2_model.width=6"):
        assert re.search(rf"^{folder}  started$", out, re.M)
        assert re.search(rf"^{folder}  completed after .* validation/loss \d+", out, re.M)
    log = Path("outputs/sweeps/s/1_model.width=5/log.txt").read_text()
    assert "completed after" in log and "said by the model" in log and "said in its distress" in log
    assert len({Path(f"reached_{width}").read_text() for width in (4, 5, 6)}) == 3
    assert not list(Path("outputs/sweeps/s").glob("*.txt"))

    assert sweep("model.width=4,5,6", *LOCAL) == 0
    assert capfd.readouterr().out.count("completed earlier") == 3


def test_a_death_is_that_jobs_failure_and_the_next_command_goes_on(serial, capfd):
    Path("mood").write_text("kill 5, kill once 6")
    assert sweep("model.width=4,5,6", "sweep.retries=1", *LOCAL) == 1
    out, err = capfd.readouterr()
    assert statuses() == {"0_model.width=4": "completed", "1_model.width=5": "failed", "2_model.width=6": "completed"}
    assert re.search(r"1_model.width=5 +failed", out) and "1 of 3 jobs failed" in err and "SIGKILL" in err
    assert "SIGKILL" in records()["1_model.width=5"]["traceback"]
    assert "SIGKILL" in Path("outputs/sweeps/s/1_model.width=5/log.txt").read_text()
    Path("mood").unlink()
    assert sweep("model.width=4,5,6", "sweep.retries=1", *LOCAL) == 0
    resumed = {folder: len(record["resumed"]) for folder, record in records().items()}
    assert resumed == {"0_model.width=4": 0, "1_model.width=5": 2, "2_model.width=6": 1}
    assert_same_weights(serial)


def test_ctrl_c_stops_all_with_a_checkpoint_and_the_same_command_goes_on(serial):
    line = ["-m", *SMALL, "sweep.name=s", "model.width=4,5,6", *LOCAL]
    Path("mood").write_text("slow from then on")
    command = [sys.executable, "-m", "dl_runner", *line]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (Path("reached_4").exists() and Path("reached_5").exists()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "go on with: dlrun -m" in err
    assert statuses() == {"0_model.width=4": "interrupted", "1_model.width=5": "interrupted"}
    assert "not started" in out and not Path("reached_6").exists()
    Path("mood").unlink()
    assert run(line) == 0
    assert [len(record["resumed"]) for record in records().values()] == [1, 1, 0]
    assert_same_weights(serial)


def test_other_sweepers_of_hydras_take_it_too(capfd):
    assert sweep("hydra/sweeper=basic", "model.width=4,5", *LOCAL) == 0
    assert set(statuses()) == {"job", "job_2"}
    assert capfd.readouterr().out.count("completed after") == 2


def test_a_number_of_jobs_that_is_none_is_a_mistake(capfd):
    assert sweep("model.width=4,5", "hydra/launcher=local", "hydra.launcher.jobs=0") == 2
    out, err = capfd.readouterr()
    assert out == "" and err == "dlrun: hydra.launcher.jobs=0: expected auto, or a whole number, at least 1\n"
    assert not Path("outputs").exists()
