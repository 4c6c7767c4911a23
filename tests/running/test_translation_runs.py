"""Runs of a translator: stopped and resumed, measured, asked for translations, shown."""

import json
import os
import signal
from pathlib import Path

import pytest
from helpers import QUIET, run
from safetensors.torch import load_file

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.running.inference import evaluate_run, predict
from dl_runner.running.launch import launch, resume

NUMBERS = (
    *("data=number_words", "data.numbers=90", "data.batch_size=16", "task=translation", "optimizer=adam"),
    *("trainer.steps=10", "trainer.log_every=1 steps"),
)
RECURRENT = ("model=seq2seq", "model.embedding=8", "model.hidden=8", "model.layers=1")
ATTENTION = ("model=transformer", "model.layers=1", "model.heads=2", "model.width=8", "model.hidden=8")
FALLING = ("task.teacher_forcing=0.3", "task.forcing_falls=1 epoch")


def measured(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.endswith(("time", "gib", "_second"))} for row in rows]


@pytest.mark.parametrize("options", [(*RECURRENT, *FALLING), (*ATTENTION, "trainer.accumulate=2")])
def test_stopped_within_an_epoch_and_resumed_equals_uninterrupted(options, tmp_path):
    through = run(tmp_path / "through", *NUMBERS, *options).record.folder
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    config = check_config(to_plain(compose([*QUIET, *NUMBERS, *options])))
    with pytest.raises(Interrupted):
        launch(config, tmp_path, "run", watch=stop)
    resume(tmp_path / "run")
    assert measured(tmp_path / "run") == measured(through)
    ours, theirs = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path / "run", through))
    assert all(bool((value == theirs[name]).all()) for name, value in ours.items())


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs"), *NUMBERS, *ATTENTION, "task.bleu=book")


def test_a_run_is_measured_again_as_it_was(result):
    metrics = result.record["metrics"]
    again = evaluate_run(result.record.folder, "test", None).metrics
    assert set(again) == {f"test/{name}" for name in ("loss", "perplexity", "bleu", "exact")}
    assert again == pytest.approx({name: metrics[name] for name in again}, rel=1e-6)
    assert result.objective == metrics["validation/perplexity"] and "train/tokens_per_second" in metrics
    assert {"validation/bleu", "validation/exact"} <= set(metrics)


def test_sentences_of_ones_own_and_what_they_look_at(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("two.txt").write_text("42\n7x\n")
    rows = predict(result.record.folder, ["two.txt"], None, {"beam": 2, "attention": "seen.png"})
    assert [(row["sentence"], row["attention"]) for row in rows] == [("42", "seen_1.png"), ("7x", "seen_2.png")]
    assert rows[1]["read as <unk>"] == "'x'" and Path("seen_2.png").stat().st_size > 1000
    with pytest.raises(UserError, match=r"^--attention a\.jpg: is drawn as a PNG"):
        predict(result.record.folder, ["42"], None, {"attention": "a.jpg"})
    with pytest.raises(UserError, match=r"^--length-penalty=-1: expected"):
        predict(result.record.folder, ["42"], None, {"length_penalty": -1})


def test_a_model_without_attention_has_none_to_draw(tmp_path):
    folder = run(tmp_path, *NUMBERS, *RECURRENT, "task.bleu=null").record.folder
    with pytest.raises(UserError, match=r"^--attention a\.png: the model has no attention"):
        predict(folder, ["42"], None, {"attention": "a.png"})
    assert "validation/bleu" not in json.loads((folder / "run.json").read_text())["metrics"]


def test_translations_are_shown_now_and_then_and_after_the_test(result):
    log = (result.record.folder / "log.txt").read_text()
    assert log.count("samples/translations: ") in range(8, 12) and log.count("test/translations: ") == 1
    assert log.rpartition("test/translations: ")[2].count(" → ") == 4


@pytest.mark.parametrize(
    "options, message",
    [
        (("model=gru",), "model=gru: "),
        (("loss=mse",), "loss=mse: is for numbers"),
        (("task.teacher_forcing=1.5",), r"task\.teacher_forcing=1\.5: expected a number at least 0 and at most 1"),
        (("task.bleu=rouge",), r"task\.bleu=rouge: expected one of corpus, book, sacrebleu"),
        (("augment=flip",), "augment: works on images"),
    ],
)
def test_what_does_not_fit_sentences_is_one_line(options, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path, *NUMBERS, *RECURRENT, *options)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()
