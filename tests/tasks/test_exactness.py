"""Parts of a batch make the whole batch's gradient and metrics, however ragged they are, for every task."""

import inspect
import pkgutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged import LENGTH, RAGGED, SIDE, TASKS, case, distance, gradient

import dl_runner.tasks
from dl_runner import registry
from dl_runner.training.sums import MetricSums

TOLERANCE = 1e-12  # float64


def test_every_task_of_the_package_is_here():
    modules = {module.name for module in pkgutil.iter_modules(dl_runner.tasks.__path__)}
    built = {name for name in modules if _is_task(name)}
    assert built == set(TASKS)


def _is_task(name: str) -> bool:
    try:
        found = registry.builder("task", name)
    except registry.UnknownName:
        return False
    return "loss" in inspect.signature(found).parameters


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=25, deadline=None)
@given(examples=st.integers(1, 9), parts=st.integers(2, 4), seed=st.integers(0, 10_000))
def test_gradients_of_parts_add_up(name, examples, parts, seed):
    task, model, batch = case(name, examples, seed)
    whole = gradient(task, model, [batch])
    cut = batch.parts(parts)
    assert sum(map(len, cut)) == examples and len(cut) == min(parts, examples)
    assert distance(gradient(task, model, cut), whole) <= TOLERANCE


@pytest.mark.parametrize("name", RAGGED)
@pytest.mark.parametrize("counted", [[0, 0, 5, 1], [3, 0, 0, 0], [0, 0, 0, 0], [7, 6, 2, 1]])
def test_a_part_without_any_counted_target_adds_nothing(name, counted):
    task, model, batch = case(name, 4, 1, counted)
    whole = gradient(task, model, [batch])
    assert whole.isfinite().all() and (whole.norm() > 0) == (sum(counted) > 0)
    for parts in (2, 3, 4):
        assert distance(gradient(task, model, batch.parts(parts)), whole) <= TOLERANCE


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=25, deadline=None)
@given(examples=st.integers(1, 9), parts=st.integers(2, 4), seed=st.integers(0, 10_000))
def test_metrics_of_parts_are_those_of_the_whole(name, examples, parts, seed):
    task, model, batch = case(name, examples, seed)
    model.eval()
    found = []
    for cut in ([batch], batch.parts(parts)):
        sums = MetricSums(task)
        with torch.inference_mode():
            for part in cut:
                sums.add(task.step(model, part)[1], part.counts)
        found.append(sums.read())
    assert found[0].keys() == found[1].keys() == {metric.name for metric in task.metrics}
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", RAGGED)
def test_the_loss_is_the_mean_over_what_counts(name):
    places = SIDE * SIDE if name == "segmentation" else LENGTH
    task, model, batch = case(name, 5, 3, [places, 1, 0, 2, places])
    loss, sums = task.step(model, batch)
    assert sums["loss"].item() / (2 * places + 3) == pytest.approx(loss.item())


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_hidden_state_is_carried_on_for_each_row(parts):
    """Two windows of half the length with the state carried on are one window of twice the length."""
    task, model, batch = case("language_model", 6, 2, [LENGTH] * 6)
    later = case("language_model", 6, 3, [LENGTH] * 6, continues=True)[2]
    first, second = (sum(task.step(model, part)[1]["loss"] for part in one.parts(parts)) for one in (batch, later))
    joined = torch.cat([batch.inputs, later.inputs], 1), torch.cat([batch.targets, later.targets], 1)
    logits, _ = model(joined[0])
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), joined[1].flatten(), reduction="sum")
    assert (first + second).item() == pytest.approx(expected.item(), rel=1e-12)
