"""Every file of a run folder cut, flipped, emptied, replaced: refused by name, or the result is the undamaged one's."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from damage import ALL, EVERY, FEW, refused, results, said
from helpers import QUIET

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted
from dl_runner.running.launch import launch

LENGTH = (
    "trainer.steps=12",
    "trainer.log_every=1 steps",
    "trainer.evaluate_every=3 steps",
    "tracker.tensorboard=true",
    "tracker.console=none",
)
KINDS = {
    "text": (
        *("data=python_docs", "data.characters=1000", "data.steps=8", "data.batch_size=4", "data.validation=0.2"),
        *("model=gru", "model.hidden=8", "trainer.clip_norm=1"),
    ),
    "digits": ("data=digits", "data.limit=100", "data.batch_size=20", "model=softmax"),
}
FILES = (
    *("config.yaml", "run.json", "metrics.jsonl", "log.txt", "events"),
    *("checkpoints/last.pt", "checkpoints/best.safetensors", "checkpoints/last.safetensors"),
)
CASES = [
    (kind, name, damage)
    for kind in KINDS
    for name in (*FILES, *(["fitted.json"] if kind == "text" else []))
    for damage in EVERY
    if ALL or (kind == "text" and damage in FEW)
]


def stopped(folder: Path, *options: str) -> Path:
    """A run that was asked to stop in its second epoch."""
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Interrupted):
        launch(check_config(to_plain(compose([*QUIET, *options]))), folder, "run", watch=stop)
    return folder / "run"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Of each kind: a run that can go on, what commands say of it, what becomes of it, and another run's folder."""
    known = {}

    def make(kind: str):
        if kind not in known:
            top = tmp_path_factory.mktemp(kind)
            folder = stopped(top, *KINDS[kind], *LENGTH)
            other = stopped(top / "other", *KINDS[kind], *LENGTH, "seed=1", "optimizer.lr=0.07")
            shutil.copytree(folder, top / "kept")
            right = {command: said(*command(folder)) for command in COMMANDS[kind]}
            assert [code for code, _, _ in right.values()] == [0] * len(right), right
            assert said("resume", str(folder))[0] == 0
            known[kind] = folder, top / "kept", other, right, results(folder)
        return known[kind]

    return make


def evaluate(folder: Path) -> list[str]:
    return ["evaluate", str(folder)]


def compare(folder: Path) -> list[str]:
    return ["compare", str(folder), "--csv", "--columns", "run,status,validation/loss,best/validation/loss,lr,steps"]


def predict(folder: Path) -> list[str]:
    return ["predict", str(folder), "The state", "--length", "20"]


COMMANDS = {"text": (evaluate, predict, compare), "digits": (evaluate, compare)}


def path_of(folder: Path, name: str) -> Path:
    return next(folder.glob("events.out.*")) if name == "events" else folder / name


@pytest.mark.parametrize(("kind", "name", "damage"), CASES)
def test_a_damaged_file_is_refused_by_name_or_does_no_harm(kind, name, damage, made):
    folder, kept, other, right, end = made(kind)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    path = path_of(folder, name)
    path.write_bytes(EVERY[damage](path.read_bytes(), path_of(other, name).read_bytes()))

    for command in COMMANDS[kind]:
        code, out, err = said(*command(folder))
        if (code, out) != right[command][:2]:
            assert not refused(code, err, path.name), command.__name__
    before = {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    code, _, err = said("resume", str(folder))
    if code == 0:
        assert results(folder) == end
    else:
        assert not refused(code, err, path.name)
        assert {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()} == before
