"""scripts/bench_translation.py: its networks are the package's, and every arm is timed beside dlrun."""

import re

import pytest
import torch

import bench_translation
from dl_runner.build.experiment import build_experiment


def test_every_arm_is_timed_beside_dlrun(monkeypatch, capsys):
    small = {"width": 8, "layers": 1, "heads": 2, "hidden": 8, "dropout": 0.0}
    monkeypatch.setitem(bench_translation.MODELS, "transformer", small)
    bench_translation.main(["transformer", "--data", "number_words", "--turns", "1", "--steps", "1"])
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if re.match(r"\| (dlrun|book|bare|padded)", line)]
    assert len(rows) == 5 and sum("(best)" in row for row in rows) == 1
    assert re.search(r"Buckets: [\d.]+ times the loop", told)


@pytest.mark.parametrize("name", bench_translation.MODELS)
def test_the_bare_network_computes_as_much_as_the_models(name, monkeypatch):
    small = {"seq2seq": {"embedding": 4, "hidden": 4, "layers": 2}}
    small["transformer"] = {"width": 8, "layers": 1, "heads": 2, "hidden": 8, "dropout": 0.0}
    monkeypatch.setitem(bench_translation.MODELS, name, small[name])
    experiment = build_experiment(bench_translation.settings(name, "number_words"))
    bare = bench_translation.torchs_own(name, experiment)
    counted = [sum(one.numel() for one in model.parameters()) for model in (bare, experiment.model)]
    norms = 2 * 2 * 8 if name == "transformer" else 0  # nn.Transformer has one behind each stack
    assert counted[0] - norms == counted[1]
    source, target = torch.randint(4, 9, (3, 5)), torch.randint(4, 9, (3, 6))
    assert bare(source, target).shape == experiment.model(source, target).shape
