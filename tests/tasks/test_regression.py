"""Regression: metrics equal to scikit-learn's for any cut into batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from specs import numbered
from torch import nn
from torch.nn import functional as F

from dl_runner.data.batch import Batch
from dl_runner.registry import builder
from dl_runner.tasks.regression import regression
from dl_runner.tasks.task import chooses


def task(outputs: int):
    return regression(numbered((3,), outputs), F.mse_loss)


def test_the_registry_finds_it_and_it_says_how_to_choose():
    assert builder("task", "regression") is regression
    assert (chooses(task(1)).name, chooses(task(1)).better) == ("loss", "min")


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4), outputs=st.integers(1, 3), seed=st.integers(0, 99))
def test_metrics_over_batches_are_those_over_all_examples(sizes, outputs, seed):
    n = sum(sizes)
    predictions, targets = torch.randn(2, n, outputs, generator=torch.Generator().manual_seed(seed))
    sums = dict.fromkeys(("loss", "squared", "absolute"), 0.0)
    for batch in zip(predictions.split(sizes), targets.split(sizes), strict=True):
        _, added = task(outputs).step(nn.Identity(), Batch.of(*batch))
        assert added.keys() == sums.keys()
        sums = {name: sums[name] + added[name].item() for name in sums}
    report = task(outputs).report(sums | {"examples": n})
    assert tuple(report) == tuple(metric.name for metric in task(outputs).metrics)
    assert report["loss"] == pytest.approx(metrics.mean_squared_error(targets, predictions), rel=1e-5)
    assert report["rmse"] == pytest.approx(metrics.mean_squared_error(targets, predictions) ** 0.5, rel=1e-5)
    assert report["mae"] == pytest.approx(metrics.mean_absolute_error(targets, predictions), rel=1e-5)


def test_the_loss_has_a_gradient_and_the_sums_have_none():
    model = nn.Linear(3, 2)
    loss, sums = task(2).step(model, Batch.of(torch.randn(5, 3), torch.randn(5, 2)))
    assert loss.requires_grad and not any(value.requires_grad for value in sums.values())
