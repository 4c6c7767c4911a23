"""Losses against their formulas and scikit-learn, and what each refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from dl_runner.compose import choices
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.spec import DataSpec

quick = settings(max_examples=25, deadline=None)
CLASSES = DataSpec("classification", (4,), 5, tuple("abcde"))
NUMBERS = DataSpec("regression", (4,), 3)


def huber(error: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(error)
    return np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))


REGRESSION = {
    "auto": ({}, metrics.mean_squared_error),
    "mse": ({}, metrics.mean_squared_error),
    "squared": ({}, lambda y, p: metrics.mean_squared_error(y, p) / 2),
    "l1": ({}, metrics.mean_absolute_error),
    "huber": ({"delta": 0.7}, lambda y, p: huber(p - y, 0.7).mean()),
}


def test_every_loss_is_tested_here():
    assert set(REGRESSION) | {"cross_entropy"} == set(choices("loss"))


@pytest.mark.parametrize("name", REGRESSION)
@quick
@given(n=st.integers(1, 20), outputs=st.integers(1, 4), seed=st.integers(0, 99))
def test_regression_losses(name, n, outputs, seed):
    options, reference = REGRESSION[name]
    generator = torch.Generator().manual_seed(seed)
    predictions, targets = torch.randn(2, n, outputs, generator=generator)
    loss = builder("loss", name)(NUMBERS, **options)(predictions, targets)
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(reference(targets.numpy(), predictions.numpy()), rel=1e-5)


@pytest.mark.parametrize("name", ["auto", "cross_entropy"])
@quick
@given(n=st.integers(1, 20), classes=st.integers(2, 9), seed=st.integers(0, 99))
def test_cross_entropy(name, n, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n, classes, generator=generator)
    labels = torch.randint(classes, (n,), generator=generator)
    loss = builder("loss", name)(CLASSES)(logits, labels)
    expected = metrics.log_loss(labels.numpy(), logits.double().softmax(1).numpy(), labels=range(classes))
    assert loss.ndim == 0 and loss.item() == pytest.approx(expected, rel=1e-5)


def test_hubers_delta_is_one_unless_said():
    far, near = torch.tensor([[3.0]]), torch.tensor([[0.5]])
    loss = builder("loss", "huber")(NUMBERS)
    assert loss(far, torch.zeros(1, 1)) == 2.5 and loss(near, torch.zeros(1, 1)) == 0.125


@pytest.mark.parametrize("name", sorted(set(choices("loss")) - {"auto"}))
def test_a_loss_refuses_the_other_task_and_names_a_loss_for_it(name):
    wrong = NUMBERS if name == "cross_entropy" else CLASSES
    with pytest.raises(UserError) as caught:
        builder("loss", name)(wrong)
    start, _, instead = str(caught.value).rpartition("; use loss=")
    assert start.startswith(f"loss={name}: is for ") and start.endswith(f"the data's task is {wrong.task}")
    assert callable(builder("loss", instead)(wrong))
