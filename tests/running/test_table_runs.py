"""Runs on tables: stopped and resumed, without their data, in parts and in several processes."""

import os
import signal

import pytest
from helpers import QUIET, double, rows, run
from safetensors.torch import load_file
from tables import write, write_houses

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted
from dl_runner.running.inference import predict
from dl_runner.running.launch import launch, resume


@pytest.fixture
def options(tmp_path):
    write_houses(tmp_path / "house_prices" / "train.csv", 50)
    data = ("data=house_prices", f"data.root={tmp_path}", "data.batch_size=8", "data.rare=2", "data.impute=median")
    task = ("task=regression", "task.target=log", "task.standardize=true", "optimizer=adam", "trainer.epochs=3")
    return (*data, *task, "model=embedding_mlp", "model.dropout=0.2", "trainer.log_every=1 steps")


def test_stopped_within_an_epoch_and_resumed_equals_uninterrupted(options, tmp_path):
    through = run(tmp_path / "through", *options).record.folder
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Interrupted):
        launch(check_config(to_plain(compose([*QUIET, *options]))), tmp_path, "run", watch=stop)
    resume(tmp_path / "run")
    assert rows(tmp_path / "run") == rows(through)
    ours, theirs = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path / "run", through))
    assert all(bool((value == theirs[name]).all()) for name, value in ours.items())


def test_predicting_needs_neither_the_data_nor_what_was_fitted_to_them_again(options, tmp_path):
    folder = run(tmp_path, *options).record.folder
    lines = (tmp_path / "house_prices" / "train.csv").read_text().splitlines()
    (tmp_path / "house_prices" / "train.csv").unlink()
    alone = predict(folder, [str(write(tmp_path, "\n".join(lines[:2])))], None, {}, for_file=True)
    together = predict(folder, [str(write(tmp_path, "\n".join(lines)))], None, {}, for_file=True)
    assert [row["Id"] for row in together] == [str(number) for number in range(1, 51)]
    assert alone[0]["SalePrice"] == pytest.approx(together[0]["SalePrice"], rel=1e-5)  # no statistics of these rows


def test_a_batch_in_parts_is_the_same_step(options, tmp_path):
    last = ("model.dropout=0", "trainer.test=never")
    with double():
        whole, parts = (
            run(tmp_path / f"{number}", *options, *last, f"trainer.accumulate={number}").record["metrics"]
            for number in (1, 3)
        )
    assert whole["train/loss"] == pytest.approx(parts["train/loss"], rel=1e-9)
    assert whole["validation/log_rmse"] == pytest.approx(parts["validation/log_rmse"], rel=1e-9)
