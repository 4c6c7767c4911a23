"""Runs of a language model: stopped and resumed, evaluated, asked for text, shown."""

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

TEXT = (
    *("data=python_docs", "data.characters=1000", "data.steps=8", "data.batch_size=4", "data.sampling=sequential"),
    *("model=gru", "model.hidden=8", "trainer.clip_norm=1", "trainer.epochs=2", "trainer.log_every=1 steps"),
)

DEEP = ("model=lstm", "model.layers=2", "model.embedding=8", "model.tied=true", "model.dropout=0.3")
WORDS = ("tokenizer=word", "data.characters=6000", "task=language_model", "task.prefix=The statement")


def measured(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.endswith(("time", "gib", "_second"))} for row in rows]


@pytest.mark.parametrize("options", [(), (*DEEP, "trainer.accumulate=2")])
def test_stopped_within_an_epoch_and_resumed_equals_uninterrupted(options, tmp_path):
    through = run(tmp_path / "through", *TEXT, *options).record.folder
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    config = check_config(to_plain(compose([*QUIET, *TEXT, *options])))
    with pytest.raises(Interrupted):
        launch(config, tmp_path, "run", watch=stop)
    resume(tmp_path / "run")
    assert measured(tmp_path / "run") == measured(through)
    ours, theirs = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path / "run", through))
    assert all(bool((value == theirs[name]).all()) for name, value in ours.items())


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs"), *TEXT, *WORDS)


def test_a_run_is_evaluated_with_the_vocabulary_it_was_trained_with(result):
    metrics = result.record["metrics"]
    again = evaluate_run(result.record.folder, "test", None).metrics
    assert set(again) == {"test/loss", "test/perplexity"}
    assert again == pytest.approx({name: metrics[name] for name in again}, rel=1e-6)
    assert "train/tokens_per_second" in metrics and result.objective == metrics["validation/perplexity"]


def test_a_run_writes_text(result):
    folder = result.record.folder
    (row,) = predict(folder, ["The statement"], None, {"length": 5, "temperature": 0.0})
    assert row["text"].startswith("The statement") and set(row) == {"text"}
    (row,) = predict(folder, ["zebra statement"], None, {"length": 5, "top_k": 3, "seed": 4})
    assert row["text"].startswith("<unk> statement") and row["read as <unk>"] == "'zebra'"
    with pytest.raises(UserError, match=r"^--temperature=-1: expected"):
        predict(folder, ["The"], None, {"temperature": -1})
    with pytest.raises(UserError, match=r"^--top: is no option .*--top-k"):
        predict(folder, ["The"], None, {"top": 3})


def test_text_is_shown_now_and_then_and_after_the_test(result):
    shown = [line for line in (result.record.folder / "log.txt").read_text().splitlines() if "The statement" in line]
    assert [line.split(": ")[0].split()[-1] for line in shown[-2:]] == ["samples/text", "test/text"]
    assert 10 <= len(shown) <= 13


@pytest.mark.parametrize(
    "options, message",
    [
        (("model=mlp", "model.hidden=[8]"), "model=mlp: needs images or vectors"),
        (("augment=flip",), "augment: works on images"),
        (("task=classification",), "task=classification: learns from classes"),
        (("loss=mse",), "loss=mse: is for numbers"),
        (("data.image_size=8",), r"data\.image_size=8: the examples are no images"),
        (("data.limit=20",), r"data\.steps=8: "),
        (("data.sampling=shuffled",), r"data\.sampling=shuffled: expected one of random, sequential, overlapping"),
        (("model.bidirectional=true",), r"model\.bidirectional=true: .* sees the token that it is to predict"),
        (("device.cuda_graphs=on",), r"device\.cuda_graphs=on"),
    ],
)
def test_what_does_not_fit_a_text_is_one_line(options, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path, *TEXT, *options)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_a_tokenizer_is_for_texts(tmp_path):
    with pytest.raises(UserError, match="tokenizer=word: data=digits holds no text"):
        run(tmp_path, "tokenizer=word")
    with pytest.raises(UserError, match="model=gru: needs tokens"):
        run(tmp_path, "model=gru")
