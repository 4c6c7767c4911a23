"""Models that are fitted: once, to the training split alone, and what a run then is."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from helpers import QUIET, rows, run
from safetensors.torch import load_file
from torch import nn

from dl_runner.build.fit import checked_experiment
from dl_runner.build.training import build_training
from dl_runner.cli.app import run as command
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError
from dl_runner.models.ngram import NGram
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.training.loop import train

TEXT = "the cat sat on the mat and the dog lay on the rug while the cat slept "
WORDS = TEXT.split()


@pytest.fixture
def text(tmp_path):
    """The ends of it, held out, are of words that the beginning has not."""
    path = tmp_path / "text.txt"
    path.write_text(" ".join(WORDS * 20 + ["seldom"] * 40))
    return ("model=ngram", "data=text_file", f"data.path={path}", "tokenizer=word", "data.steps=8", "data.batch_size=4")


def made(*overrides, model=None):
    experiment = checked_experiment(check_config(to_plain(compose([*QUIET, *overrides]))))
    return build_training(replace(experiment, model=model) if model else experiment)


class Half(nn.Module):
    """Fitted, with a parameter besides."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("fits", torch.zeros((), dtype=torch.int64))
        self.register_buffer("examples", torch.zeros((), dtype=torch.int64))
        self.linear = nn.Linear(784, 10)

    def fit(self, batches):
        self.fits += 1
        self.examples += sum(len(batch) for batch in batches)

    def forward(self, x):
        return self.linear(x.flatten(1))


def test_a_run_counts_the_training_text_once_and_makes_no_step(tmp_path, text, capsys):
    result = run(tmp_path, *text, "trainer.epochs=7", "model.smoothing=absolute", "model.order=2")
    folder = result.record.folder
    record, saved = json.loads((folder / "run.json").read_text()), load_file(folder / "checkpoints/last.safetensors")
    assert (record["status"], record["step"], len(rows(folder))) == ("completed", 0, 2)
    train_tokens = record["data_fingerprint"]["train"]["examples"]
    assert saved["tables.0.counts"].sum() == train_tokens and saved["tables.1.counts"].sum() == train_tokens - 1
    pairs = Counter(zip(WORDS * 20, (WORDS * 20)[1:], strict=False))
    assert len(saved["tables.1.keys"]) == len(pairs)  # none with a word of the held-out end
    capsys.readouterr()
    assert command(["evaluate", str(folder)]) == 0
    assert f"{record['metrics']['test/perplexity']:.4f}" in capsys.readouterr().out
    assert command(["predict", str(folder), "the cat", "--length", "3", "--temperature", "0"]) == 0
    assert "the cat sat on the" in capsys.readouterr().out


def test_evaluation_stopped_goes_on_without_fitting_again(text, monkeypatch):
    whole, cut = made(*text), made(*text)
    assert train(whole, StopRequest()) == "completed"
    request = StopRequest()
    request.signal_number = 2
    assert train(cut, request) == "interrupted" and not cut.metrics
    resumed = made(*text)
    resumed.load_state_dict(cut.state_dict())
    monkeypatch.setattr(NGram, "fit", None)
    assert train(resumed, StopRequest()) == "completed"
    assert resumed.metrics == whole.metrics and resumed.metrics["validation/perplexity"] > 1
    for name, one in whole.model.state_dict().items():
        assert one.equal(resumed.model.state_dict()[name])


def test_a_model_with_parameters_is_fitted_once_and_then_trained():
    options = ("trainer.steps=4", "trainer.log_every=1 step", "data.limit=100", "data.batch_size=20")
    first, stop = made(*options, model=Half()), StopRequest()
    first.task.before_step = lambda step, horizon: setattr(stop, "signal_number", 2)
    assert train(first, stop) == "interrupted" and first.step == 1
    second = made(*options, model=Half())
    second.load_state_dict(first.state_dict())
    assert train(second, StopRequest()) == "completed" and second.step == 4
    assert second.model.fits == 1 and second.model.examples == 100


def test_weights_of_before_are_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"pretrained\.from=.*: model=ngram is fitted to the training data"):
        made(*text, f"pretrained.from={tmp_path}")
