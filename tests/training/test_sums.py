"""Running sums, and the first loss that is not finite."""

import math
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import labelled, numbered
from torch import nn
from torch.nn import functional as F

from dl_runner.data.batch import Batch
from dl_runner.errors import RunFailed
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.tasks.classification import classification
from dl_runner.tasks.regression import regression
from dl_runner.training.sums import Diverged, MetricSums

quick = settings(max_examples=25, deadline=None)
CPU = torch.device("cpu")
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def task(kind: str = "classification"):
    if kind == "classification":
        return classification(labelled((3,), 4), F.cross_entropy)
    return regression(numbered((3,), 4), F.mse_loss)


def examples(kind: str, n: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 4, generator=generator)
    if kind == "classification":
        return inputs, torch.randint(4, (n,), generator=generator)
    return inputs, torch.randn(n, 4, generator=generator)


def add(metrics: MetricSums, inputs, targets, sizes, first: int = 1) -> None:
    for step, batch in enumerate(zip(inputs.split(sizes), targets.split(sizes), strict=True), first):
        _, sums = metrics.task.step(nn.Identity(), Batch.of(*batch))
        metrics.add(sums, {"examples": len(batch[1])}, step)


def with_loss(value: float) -> dict[str, torch.Tensor]:
    return {"loss": torch.tensor(value), "correct": torch.tensor(0)}


@pytest.mark.parametrize("kind", ["classification", "regression"])
@quick
@given(sizes=cuts, seed=st.integers(0, 99))
def test_metrics_do_not_depend_on_the_cut_into_batches(kind, sizes, seed):
    n = sum(sizes)
    inputs, targets = examples(kind, n, seed)
    cut, whole = MetricSums(task(kind)), MetricSums(task(kind))
    add(cut, inputs, targets, sizes)
    add(whole, inputs, targets, [n])
    assert cut.examples == n
    assert cut.read() == pytest.approx(whole.read(), rel=1e-5)
    loss = F.cross_entropy if kind == "classification" else F.mse_loss
    assert cut.read()["loss"] == pytest.approx(loss(inputs, targets).item(), rel=1e-5)
    if kind == "classification":
        assert cut.read()["accuracy"] == pytest.approx((inputs.argmax(1) == targets).float().mean().item())


def test_sums_start_empty_and_a_reset_empties_them():
    metrics = MetricSums(task())
    assert metrics.read() == {} and metrics.require_finite(ProcessGroup()) is None
    metrics.add(with_loss(math.nan), {"examples": 1}, 1)
    metrics.reset()
    assert metrics.read() == {} and metrics.examples == 0
    metrics.require_finite(ProcessGroup())


def test_sums_that_were_added_stay_as_they_were():
    metrics, sums = MetricSums(task()), with_loss(1.0)
    for _ in range(3):
        metrics.add(sums, {"examples": 1})
    assert sums["loss"] == 1 and metrics.read()["loss"] == 1


@pytest.mark.parametrize(("value", "what"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
@quick
@given(before=st.integers(0, 5), after=st.lists(st.sampled_from([1.0, math.nan, math.inf]), max_size=4))
def test_the_first_loss_that_is_not_finite_is_named_once(value, what, before, after):
    metrics = MetricSums(task())
    for step, loss in enumerate([1.0] * before + [value] + after, 11):
        metrics.add(with_loss(loss), {"examples": 2}, step)
    with pytest.raises(Diverged) as caught:
        metrics.require_finite(ProcessGroup())
    assert caught.value.step == 11 + before
    assert str(caught.value) == f"the loss is {what} at step {11 + before}"
    assert isinstance(caught.value, RunFailed)
    metrics.require_finite(ProcessGroup())


def test_only_what_was_added_since_the_last_check_is_checked():
    metrics = MetricSums(task())
    metrics.add(with_loss(1.0), {"examples": 1}, 1)
    metrics.require_finite(ProcessGroup())
    metrics.add(with_loss(math.nan), {"examples": 1}, 2)
    with pytest.raises(Diverged, match="at step 2"):
        metrics.require_finite(ProcessGroup())


@quick
@given(sizes=cuts, more=cuts, seed=st.integers(0, 99))
def test_the_state_goes_on_as_if_never_stopped(sizes, more, seed):
    inputs, targets = examples("classification", sum(sizes) + sum(more), seed)
    first = sum(sizes)
    whole, one, other = MetricSums(task()), MetricSums(task()), MetricSums(task())
    add(whole, inputs, targets, sizes + more)
    add(one, inputs[:first], targets[:first], sizes)
    other.load_state_dict(one.state_dict(), CPU)
    assert other.read() == one.read()
    add(other, inputs[first:], targets[first:], more)
    assert other.read() == whole.read() and other.examples == whole.examples


def test_an_empty_state():
    metrics = MetricSums(task())
    metrics.add(with_loss(1.0), {"examples": 1})
    metrics.load_state_dict(MetricSums(task()).state_dict(), CPU)
    assert metrics.read() == {}


def test_no_tensor_of_an_earlier_batch_is_kept():
    metrics = MetricSums(task())
    add(metrics, *examples("classification", 2, 0), [2])  # the sums begin as copies
    losses = torch.tensor([1.0, math.nan]).unbind()
    for step, loss in enumerate(losses, 2):
        metrics.add({"loss": loss, "correct": torch.tensor(0)}, {"examples": 1}, step)
    before = [weakref.ref(loss) for loss in losses]
    del losses, loss
    assert [one() for one in before] == [None, None]
    with pytest.raises(Diverged, match="the loss is NaN at step 3"):
        metrics.require_finite(ProcessGroup())
