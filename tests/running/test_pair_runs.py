"""Runs on sentence pairs: stopped and resumed, measured in batches of any make-up, refused where the data changed."""

import json
import os
import signal
from pathlib import Path

import pytest
from helpers import QUIET, rows, run, unchecked
from safetensors.torch import load_file

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.running.inference import evaluate_run
from dl_runner.running.launch import launch, resume

MODEL = ("model=seq2seq", "model.hidden=8", "model.embedding=8", "model.layers=1", "optimizer=adam", "init=default")
PAIRS = (
    *("data=number_words", "data.numbers=120", "data.batch_size=20", "trainer.epochs=3", "trainer.log_every=1 steps"),
    *MODEL,
)


def test_stopped_within_an_epoch_of_buckets_and_resumed_equals_uninterrupted(tmp_path):
    options = (*PAIRS, "model.dropout=0.2", "trainer.accumulate=2")
    through = run(tmp_path / "through", *options).record.folder
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 7:  # of 15 steps, in 3 epochs
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Interrupted):
        launch(check_config(to_plain(compose([*QUIET, *options]))), tmp_path, "run", watch=stop)
    resume(tmp_path / "run")
    assert len(rows(through)) > 12 and rows(tmp_path / "run") == rows(through)
    ours, theirs = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path / "run", through))
    assert all(bool((value == theirs[name]).all()) for name, value in ours.items())


def test_metrics_do_not_depend_on_how_batches_are_made(double, monkeypatch, tmp_path):
    found = []
    for batching, at_once in (("buckets", 2**20), ("buckets", 1), ("shuffled", 2**20), ("shuffled", 1)):
        monkeypatch.setattr("dl_runner.build.data.EVALUATED_AT_ONCE", at_once)
        options = (*PAIRS, "data.batch_size=7", f"data.batching={batching}", "trainer.steps=1", "optimizer.lr=1e-30")
        result = run(tmp_path / f"{batching}{at_once}", *options, "trainer.epochs=null")
        found.append(evaluate_run(result.record.folder, "validation", None).metrics)
    assert found[0]["validation/loss"] > 1
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-12)


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    found = {"path": tmp_path / "a.txt", "translations": tmp_path / "b.txt"}
    for side, path in found.items():
        path.write_text("".join(f"the {side} is {number} .\n" for number in range(24)))
    return found


def test_a_run_is_measured_on_what_its_files_hold_with_the_vocabulary_of_its_training(files, tmp_path):
    options = ("data=parallel_text", *(f"data.{key}={path}" for key, path in files.items()), *MODEL)
    result = run(tmp_path, *options, "trainer.steps=2", "trainer.epochs=null")
    folder, metrics = result.record.folder, result.record["metrics"]
    assert evaluate_run(folder, "test", None).metrics["test/loss"] == pytest.approx(metrics["test/loss"], rel=1e-6)
    assert result.record["data_fingerprint"]["train"]["examples"] == 20
    files["translations"].write_text(files["translations"].read_text().replace(" is ", " was "))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    unchecked(folder)
    with pytest.raises(UserError, match="the train split has other content"):
        resume(folder)
    assert evaluate_run(folder, "test", None).metrics["test/loss"] != metrics["test/loss"]
    files["path"].write_text(files["path"].read_text() * 2)
    with pytest.raises(UserError, match="has 48 lines and"):
        evaluate_run(folder, "test", None)
