"""A disk that fills up during a run, a folder that goes away or cannot be written: the run fails with the reason, what
was good stays, and the run goes on when there is room again."""

import errno
import json
import os
import shutil
import subprocess

import pytest
import torch
from damage import ALL, results, said
from helpers import QUIET
from specs import labelled
from torch import nn

from dl_runner.cli.app import run as cli
from dl_runner.errors import WriteFailed
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training import loop
from dl_runner.training.checkpoint import Checkpoints

RUN = (
    *QUIET,
    *("data=digits", "data.limit=100", "data.batch_size=20", "model=softmax", "trainer.steps=12"),
    *("trainer.log_every=1 steps", "trainer.evaluate_every=3 steps", "trainer.checkpoint_every=2 steps"),
)
REPORTS = range(2, 12, 3) if ALL else [8]


@pytest.fixture
def disk(tmp_path):
    """A file system of 2 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system needs the rights of root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def at_report(number, act, monkeypatch) -> None:
    """Have something happen in the middle of a step of the next run."""
    reports, diagnostics = 0, loop._diagnostics

    def acting(*arguments):
        nonlocal reports
        reports += 1
        if reports == number:
            act()
        return diagnostics(*arguments)

    monkeypatch.setattr(loop, "_diagnostics", acting)


def fill(place) -> None:
    with (place / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC


def folder_in(place):
    return next((place / "outputs" / "digits" / "softmax").iterdir())


def whole(folder) -> None:
    """No file is half written."""
    text = (folder / "metrics.jsonl").read_text()
    assert text.endswith("\n") and [json.loads(line)["step"] for line in text.splitlines()]
    assert not [path for path in folder.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("options", [(), ("tracker.tensorboard=true",)], ids=["metrics", "TensorBoard"])
@pytest.mark.parametrize("report", REPORTS)
def test_a_full_disk_ends_the_run_with_the_reason_and_it_goes_on_when_there_is_room(
    report, options, disk, tmp_path, monkeypatch
):
    assert said(*RUN, *options, f"outputs={tmp_path}/undisturbed")[0] == 0
    with monkeypatch.context() as patch:
        at_report(report, lambda: fill(disk), patch)
        code, _, err = said(*RUN, *options, f"outputs={disk}/outputs")
    assert code == 1 and "cannot be written (no space left on device)" in err, err
    lines = [line for line in err.strip().splitlines() if not line.startswith("dlrun: note: ")]
    assert len(lines) == 1 and "Traceback" not in err
    folder = folder_in(disk)
    record = RunRecord.load(folder)
    assert record["status"] == "failed" and "no space left" in record["traceback"]
    whole(folder)
    (disk / "ballast").unlink()
    if Checkpoints(folder).last.exists():
        Checkpoints(folder).load()
        assert said("resume", str(folder))[0] == 0
        assert results(folder)[0] == results(next((tmp_path / "undisturbed/digits/softmax").iterdir()))[0]
    else:
        assert report == 2 and "start it anew" in err


def test_weights_and_a_checkpoint_for_which_there_is_not_room_enough(disk):
    checkpoints, model = Checkpoints(disk), nn.Linear(100, 100)
    checkpoints.save({"weight": torch.ones(100_000)})
    checkpoints.save_weights("best", model, labelled((1, 10, 10), 2, ("a", "b")))
    before = {path: path.read_bytes() for path in checkpoints.folder.iterdir()}
    with pytest.raises(WriteFailed, match=r"last.pt: cannot be written \(no space left on device\)"):
        checkpoints.save({"weight": torch.ones(600_000)})
    with pytest.raises(WriteFailed, match=r"best.safetensors: cannot be written \(no space left on device\)"):
        checkpoints.save_weights("best", nn.Linear(1000, 1000), labelled((1, 10, 10), 2, ("a", "b")))
    assert {path: path.read_bytes() for path in checkpoints.folder.iterdir()} == before


def test_a_run_that_cannot_even_begin_leaves_no_folder(disk):
    fill(disk)
    assert cli([*RUN, f"outputs={disk}/o"]) == 1
    assert not list(disk.glob("o/*/*/*"))


def test_the_log_alone_does_not_fit(disk, monkeypatch):
    """The terminal has the reason, and what is told last."""
    monkeypatch.setattr("dl_runner.tracking.metrics_file.append", lambda descriptor, data: None)
    monkeypatch.setattr("dl_runner.tracking.run_folder.RunRecord.measured", lambda record, step: None)
    at_report(2, lambda: fill(disk), monkeypatch)
    code, out, err = said(*RUN, "tracker.console=plain", f"outputs={disk}/outputs")
    assert code == 1 and "cannot be written (no space left on device)" in err
    assert "failed at step" in out


def test_a_folder_that_goes_away_is_noticed_at_the_next_checkpoint(tmp_path, monkeypatch):
    at_report(3, lambda: shutil.rmtree(tmp_path / "outputs"), monkeypatch)
    code, _, err = said(*RUN, f"outputs={tmp_path}/outputs")
    assert code == 1 and "cannot be written (no such file or directory)" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "outputs").exists()


def test_a_folder_that_becomes_read_only(tmp_path, monkeypatch):
    """Nothing more can be written: the terminal alone has the reason."""

    def refuse(*arguments):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def freeze():
        for name in ("fsync", "write", "pwrite"):
            monkeypatch.setattr(os, name, refuse)

    at_report(5, freeze, monkeypatch)
    code, _, err = said(*RUN, f"outputs={tmp_path}/outputs")
    monkeypatch.undo()
    assert code == 1 and "cannot be written (read-only file system)" in err and "go on with: dlrun resume" in err
    folder = folder_in(tmp_path)
    assert RunRecord.load(folder)["status"] == "running"  # as it was, and whole
    whole(folder)
    assert said("resume", str(folder))[0] == 0
