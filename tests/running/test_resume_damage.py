"""What a run goes on with when something in its folder is not as it was, and what it refuses."""

import json
import logging
import os
import shutil
import signal

import pytest
import torch
from helpers import QUIET, rows, unchecked
from safetensors.torch import load_file

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.running.inference import evaluate_run
from dl_runner.running.launch import launch, resume
from dl_runner.tracking.metrics_file import read_metrics
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.checkpoint import Checkpoints, read_metadata

SHORT = (
    *("data=digits", "data.limit=100", "data.batch_size=20", "model=softmax", "trainer.steps=12"),
    *("trainer.log_every=1 steps", "trainer.evaluate_every=2 steps", "trainer.checkpoint_every=3 steps"),
)


class Killed(BaseException):
    """Stops the program as nothing in it expects."""


def config():
    return check_config(to_plain(compose([*QUIET, *SHORT])))


def stop_at(report: int):
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == report:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    return stop


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run that was stopped after seven steps; and what becomes of it."""
    top = tmp_path_factory.mktemp("kept")
    with pytest.raises(Interrupted):
        launch(config(), top, "run", watch=stop_at(7))
    shutil.copytree(top / "run", top / "whole")
    resume(top / "whole")
    return top


@pytest.fixture
def folder(kept, tmp_path):
    shutil.copytree(kept / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: text[: len(text) // 2], lambda text: text[::-1]])
def test_metrics_that_are_damaged_are_refused_with_the_way_to_go_on_without_them(damage, folder, kept, caplog):
    path = folder / "metrics.jsonl"
    path.write_text(damage(path.read_text()))
    before = (folder / "run.json").read_bytes()
    with pytest.raises(UserError, match=r"metrics.jsonl: damaged, .* step 7 .* or remove it to go on without"):
        resume(folder)
    assert (folder / "run.json").read_bytes() == before
    path.unlink()
    with caplog.at_level(logging.WARNING):
        resume(folder)
    lost = "metrics.jsonl is gone, and with it the rows up to step 7"
    assert lost in caplog.text and RunRecord.load(folder)["resumed"][-1]["lost"] == lost
    whole = rows(kept / "whole")
    assert rows(folder) == [row for row in whole if row["step"] > 7 or "test/loss" in row]
    assert read_metrics(path)


def test_rows_after_the_checkpoint_are_not_missed(folder, kept):
    """A kill may come in the middle of a row."""
    path = folder / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 8, "epoch": 1.6, "time": 1.0, "train/loss": 1.0}\n{"step": 9, "ep')
    resume(folder)
    assert rows(folder) == rows(kept / "whole")


def test_a_run_of_before_there_were_checksums_goes_on(folder, kept):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "checksums": None}))
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + "# looked at\n")
    resume(folder)
    assert rows(folder) == rows(kept / "whole")


def test_a_config_changed_on_purpose_is_taken_when_the_checksums_are_removed(folder):
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("steps: 12", "steps: 14"))
    with pytest.raises(UserError, match=r"config.yaml: damaged, not as the run wrote it; .* remove \"checksums\""):
        resume(folder)
    unchecked(folder)
    assert resume(folder).record["step"] == 14


def test_another_runs_checkpoint_is_refused(folder, kept, tmp_path):
    with pytest.raises(Interrupted):
        launch(config(), tmp_path, "other", watch=stop_at(7))
    shutil.copy(tmp_path / "other/checkpoints/last.pt", folder / "checkpoints/last.pt")
    with pytest.raises(UserError, match=r"last.pt: is of another run than"):
        resume(folder)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"rot")])
def test_the_best_weights_are_made_again_where_the_checkpoint_holds_them(damage, tmp_path, monkeypatch):
    save = Checkpoints.save_weights

    def stopping(self, which, model, spec, origin, **options):
        save(self, which, model, spec, origin, **options)
        if origin.step == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Checkpoints, "save_weights", stopping)
        launch(config(), tmp_path, "run")
    best = Checkpoints(tmp_path / "run").weights("best")
    assert Checkpoints(tmp_path / "run").load()["state"]["stopping"]["best_step"] == 8
    weights = {name: value.clone() for name, value in load_file(best).items()}
    damage(best)
    monkeypatch.setattr(EarlyStopping, "update", lambda stopping, value, step: False)
    resume(tmp_path / "run")
    assert all(torch.equal(value, weights[name]) for name, value in load_file(best).items())


def test_best_weights_that_are_lost_are_refused_before_anything_happens(folder):
    Checkpoints(folder).weights("best").write_bytes(b"rot")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"best.safetensors: damaged"):
        resume(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_better_weights_than_the_checkpoint_knows_do_not_replace_those_that_it_names(tmp_path, monkeypatch):
    """Killed between the two, and gone on with where the better evaluation is not come to again."""
    save = Checkpoints.save_weights

    def killed(self, which, model, spec, origin, **options):
        save(self, which, model, spec, origin, **options)
        if origin.step == 8:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoints, "save_weights", killed)
        launch(config(), tmp_path, "run")
    checkpoints = Checkpoints(tmp_path / "run")
    named = checkpoints.load()["state"]["stopping"]["best_step"]
    assert named == 6 and read_metadata(checkpoints.weights("best"))["step"] == "8"
    monkeypatch.setattr(EarlyStopping, "update", lambda stopping, value, step: False)
    record = resume(tmp_path / "run").record
    assert read_metadata(checkpoints.require("best", 6))["step"] == "6"
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        *("best.safetensors", "last.pt", "last.safetensors")
    ]
    _, metrics, *_ = evaluate_run(tmp_path / "run", "test", "best")
    assert metrics["test/loss"] == record["metrics"]["test/loss"]


def test_weights_exchanged_for_others_of_the_same_run_are_not_tested(folder):
    checkpoints = Checkpoints(folder)
    shutil.copy(checkpoints.weights("last"), checkpoints.weights("best"))
    with pytest.raises(UserError, match=r"best.safetensors: holds other weights, the last ones of step 7"):
        evaluate_run(folder, "test", "best")
