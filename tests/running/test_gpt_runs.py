"""Runs of model=gpt: stopped and resumed, from scratch, written on with, summarized."""

import os
import signal

import pytest
from helpers import QUIET, rows, run
from safetensors.torch import load_file

from dl_runner.cli.summary import summary
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.running.inference import predict
from dl_runner.running.launch import launch, resume

GPT = (
    *("data=python_docs", "data.characters=1000", "data.steps=8", "data.batch_size=12", "optimizer=adamw"),
    *("model=gpt", "model.layers=2", "model.heads=2", "model.width=8", "trainer.clip_norm=1", "init=default"),
    *("trainer.epochs=3", "trainer.log_every=1 steps"),
)


@pytest.mark.parametrize("sampling", ["random", "sequential"])
def test_stopped_within_an_epoch_and_resumed_equals_uninterrupted(sampling, tmp_path):
    options = (*GPT, "model.dropout=0.3", "trainer.accumulate=2", f"data.sampling={sampling}")
    through = run(tmp_path / "through", *options).record.folder
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 12:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Interrupted):
        launch(check_config(to_plain(compose([*QUIET, *options]))), tmp_path, "run", watch=stop)
    resume(tmp_path / "run")
    assert len(rows(through)) > 15 and rows(tmp_path / "run") == rows(through)
    ours, theirs = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path / "run", through))
    assert all(bool((value == theirs[name]).all()) for name, value in ours.items())


def test_from_scratch_it_learns_as_with_torchs_layers(double, tmp_path):
    found = []
    for layers in ("torch", "scratch"):
        folder = run(tmp_path / layers, *GPT, "model.dropout=0.3", f"layers={layers}").record.folder
        found.append([row[key] for row in rows(folder) for key in sorted(row) if key.endswith("/loss")])
    theirs, ours = found
    assert ours == pytest.approx(theirs, rel=1e-9) and theirs[-1] < theirs[0]


def test_a_run_writes_text_past_its_context_after_any_prompt(tmp_path):
    folder = run(tmp_path, *GPT).record.folder
    short, long = "The ", "The with statement in The with statement"
    for text, row in zip((short, long), predict(folder, [short, long], None, {"length": 20}), strict=True):
        assert row["text"].startswith(text) and len(row["text"].replace("<unk>", "?")) == len(text) + 20


def test_heads_that_do_not_divide_the_width_leave_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"model\.heads=3: must divide model\.width=8"):
        run(tmp_path, *GPT, "model.heads=3")
    assert not (tmp_path / "run").exists()


def test_a_summary_shows_its_layers(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    summary([*QUIET, *GPT])
    told = capsys.readouterr().out
    for words in ("gpt on python_docs", "blocks.1.attention.attend", "DotProductAttention", "2 × 8 × 4", "8 × 8"):
        assert words in told
