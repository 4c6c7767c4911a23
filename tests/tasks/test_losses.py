"""Losses against their formulas and scikit-learn, and what each refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from specs import labelled, numbered

from dl_runner.config.search_path import choices
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.loss import total_of
from dl_runner.tasks.targets import named

quick = settings(max_examples=25, deadline=None)
CLASSES = labelled((4,), 5, tuple("abcde"))
TWO = labelled((4,), 2, ("a", "b"))
BINARY = ("log_loss", "perceptron")
NUMBERS = numbered((4,), 3)


def huber(error: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(error)
    return np.where(size <= delta, error**2 / 2, delta * (size - delta / 2))


REGRESSION = {
    "auto": ({}, metrics.mean_squared_error),
    "mse": ({}, metrics.mean_squared_error),
    "squared": (squared := ({}, lambda y, p: metrics.mean_squared_error(y, p) / 2)),
    "squared_scratch": squared,
    "l1": ({}, metrics.mean_absolute_error),
    "huber": ({"delta": 0.7}, lambda y, p: huber(p - y, 0.7).mean()),
    "smooth_l1": ({"beta": 0.7}, lambda y, p: huber(p - y, 0.7).mean() / 0.7),
}


def test_every_loss_is_tested_here():
    assert {*REGRESSION, "cross_entropy", "cross_entropy_scratch", *BINARY} == set(choices("loss"))


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


@pytest.mark.parametrize("name", ["auto", "cross_entropy", "cross_entropy_scratch"])
@quick
@given(n=st.integers(1, 20), classes=st.integers(2, 9), seed=st.integers(0, 99))
def test_cross_entropy(name, n, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n, classes, generator=generator)
    labels = torch.randint(classes, (n,), generator=generator)
    loss = builder("loss", name)(CLASSES)(logits, labels)
    expected = metrics.log_loss(labels.numpy(), logits.double().softmax(1).numpy(), labels=range(classes))
    assert loss.ndim == 0 and loss.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_hubers_delta_is_one_unless_said():
    far, near = torch.tensor([[3.0]]), torch.tensor([[0.5]])
    loss = builder("loss", "huber")(NUMBERS)
    assert loss(far, torch.zeros(1, 1)) == 2.5 and loss(near, torch.zeros(1, 1)) == 0.125


@pytest.mark.parametrize("name", sorted(set(choices("loss")) - {"auto"}))
def test_a_loss_refuses_the_other_task_and_names_a_loss_for_it(name):
    wrong = NUMBERS if name.startswith("cross_entropy") or name in BINARY else CLASSES
    with pytest.raises(UserError) as caught:
        builder("loss", name)(wrong)
    start, _, instead = str(caught.value).rpartition("; use loss=")
    assert start.startswith(f"loss={name}: is for ") and start.endswith(
        f"the data's targets are {named(wrong.targets)}"
    )
    assert callable(builder("loss", instead)(wrong))


@pytest.mark.parametrize("name", BINARY)
def test_a_loss_of_two_classes_refuses_more(name):
    with pytest.raises(
        UserError, match=f"loss={name}: is for two classes, and the data have 5; use loss=cross_entropy"
    ):
        builder("loss", name)(CLASSES)


@quick
@given(n=st.integers(1, 20), seed=st.integers(0, 99))
def test_log_loss_is_that_of_scikit_learn_and_the_cross_entropy_of_two_classes(n, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = 3 * torch.randn(n, 2, generator=generator), torch.randint(2, (n,), generator=generator)
    loss = builder("loss", "log_loss")(TWO)(logits, labels)
    probabilities = (logits[:, 1] - logits[:, 0]).double().sigmoid().numpy()
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(metrics.log_loss(labels.numpy(), probabilities, labels=[0, 1]), abs=1e-5)
    torch.testing.assert_close(loss, builder("loss", "cross_entropy")(TWO)(logits, labels))


def test_log_loss_of_a_certain_mistake_is_finite():
    logits = torch.tensor([[0.0, 1e4]])
    assert builder("loss", "log_loss")(TWO)(logits, torch.tensor([0])) == 1e4


@quick
@given(n=st.integers(1, 20), seed=st.integers(0, 99))
def test_the_perceptrons_loss_is_the_wrong_sides_margin(n, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(n, 2, generator=generator), torch.randint(2, (n,), generator=generator)
    loss = builder("loss", "perceptron")(TWO)(logits, labels)
    scores, signs = (logits[:, 1] - logits[:, 0]).numpy(), 2 * labels.numpy() - 1
    assert loss.ndim == 0 and loss.item() == pytest.approx(np.maximum(0, -signs * scores).mean(), rel=1e-5, abs=1e-7)


@quick
@given(seed=st.integers(0, 99), zero=st.booleans())
def test_its_gradient_step_on_one_example_is_the_perceptrons_update(seed, zero):
    """w += y·x and b += y where y·(⟨w, x⟩ + b) <= 0, the tie of zero weights included, and else nothing."""
    generator = torch.Generator().manual_seed(seed)
    x, w = torch.randn(2, 3, generator=generator)
    y = 2 * torch.randint(2, (), generator=generator) - 1
    w = (w * (not zero)).requires_grad_()
    b = torch.zeros((), requires_grad=True)
    score = w @ x + b
    logits = torch.stack([torch.zeros(()), score])[None]
    loss = builder("loss", "perceptron")(TWO)(logits, (y[None] + 1) // 2)
    gradients = torch.autograd.grad(loss, (w, b))
    wrong = y * score.detach() <= 0
    torch.testing.assert_close(-gradients[0], y * x * wrong)
    torch.testing.assert_close(-gradients[1], (y * wrong).float())


@pytest.mark.parametrize("name", ["auto", "cross_entropy", "cross_entropy_scratch"])
@quick
@given(n=st.integers(1, 5), length=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_sum_of_a_loss_leaves_out_the_targets_that_are_to_be_ignored(name, n, length, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, 7, length, generator=generator, dtype=torch.float64)
    tokens = torch.randint(7, (n, length), generator=generator)
    total = total_of(builder("loss", name)(DataSpec(Tokens(7, length), Tokens(7, length), "any")), "any")
    logs = logits.log_softmax(1)
    for ignore in (3, 255):
        terms = [-logs[i, t, p] for i, row in enumerate(tokens) for p, t in enumerate(row) if t != ignore]
        torch.testing.assert_close(total(logits, tokens, ignore), sum(terms, torch.zeros((), dtype=torch.float64)))


def test_a_loss_without_a_sum_is_refused_by_name():
    with pytest.raises(UserError, match="task=language: takes the loss of each target by itself"):
        total_of(builder("loss", "log_loss")(TWO), "language")
