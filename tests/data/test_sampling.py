"""Splits are disjoint, complete, in proportion, and a function of the seed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.sampling import hold_out, hold_out_fold, smallest_class, take

class_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)
fractions = st.floats(0.01, 0.99)
quick = settings(max_examples=40, deadline=None)


def shuffled_labels(sizes: list[int]) -> torch.Tensor:
    labels = np.repeat(np.arange(len(sizes)) * 3, sizes)  # labels need not be consecutive
    return torch.from_numpy(np.random.default_rng(1).permutation(labels))


@quick
@given(class_sizes, fractions, st.integers(0, 2**40))
def test_hold_out_is_a_stratified_partition(sizes, fraction, seed):
    targets = shuffled_labels(sizes)
    kept, held = hold_out(len(targets), targets, fraction, seed, "validation")
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(targets)))
    assert kept.tolist() == sorted(kept.tolist()) and held.tolist() == sorted(held.tolist())
    for label, size in zip(range(0, 3 * len(sizes), 3), sizes, strict=True):
        count = int((targets[held] == label).sum())
        assert abs(count - fraction * size) < 1 + 1e-9
        assert count < size
        assert count >= 1 or size == 1


@quick
@given(class_sizes, st.data())
def test_take_gives_the_exact_number_in_proportion(sizes, data):
    targets = shuffled_labels(sizes)
    count = data.draw(st.integers(0, len(targets)))
    chosen = take(len(targets), targets, count, 0, "limit")
    assert len(set(chosen.tolist())) == len(chosen) == count
    counts = [int((targets[chosen] == label).sum()) for label in range(0, 3 * len(sizes), 3)]
    if count >= len(sizes):
        assert min(counts) >= 1
    quotas = [count * size / len(targets) for size in sizes]
    if min(quotas) >= 1:
        assert all(abs(got - quota) < 1 + 1e-9 for got, quota in zip(counts, quotas, strict=True))


@pytest.mark.parametrize("strata", [torch.arange(200) % 4, None], ids=["labels", "regression"])
def test_choices_depend_on_the_seed_and_the_stream_alone(strata):
    held = hold_out(200, strata, 0.25, 7, "validation")[1]
    torch.manual_seed(123)
    np.random.seed(123)
    assert torch.equal(held, hold_out(200, strata, 0.25, 7, "validation")[1])
    assert not torch.equal(held, hold_out(200, strata, 0.25, 8, "validation")[1])
    assert not torch.equal(held, hold_out(200, strata, 0.25, 7, "test")[1])
    assert len(held) == 50


def test_balanced_classes_stay_balanced_to_the_example():
    targets = torch.arange(60_000) % 10
    kept, held = hold_out(len(targets), targets, 0.1, 0, "validation")
    assert torch.bincount(targets[held]).tolist() == [600] * 10
    assert torch.bincount(targets[kept][take(len(kept), targets[kept], 6000, 0, "limit")]).tolist() == [600] * 10


def test_rare_classes_get_one_example_on_either_side():
    targets = torch.tensor([0] * 95 + [1] * 2 + [2] * 2 + [3])
    kept, held = hold_out(len(targets), targets, 0.1, 0, "validation")
    assert torch.bincount(targets[held], minlength=4).tolist() == [9, 1, 1, 0]
    assert torch.bincount(targets[kept], minlength=4)[1:].tolist() == [1, 1, 1]
    assert torch.bincount(targets[take(len(targets), targets, 4, 0, "limit")]).tolist() == [1, 1, 1, 1]


@quick
@given(st.lists(st.integers(1, 30), min_size=2, max_size=8), st.data())
def test_folds_are_a_stratified_partition(sizes, data):
    targets = shuffled_labels(sizes)
    folds = data.draw(st.integers(2, len(targets)))
    parts = [hold_out_fold(len(targets), targets, folds, fold, seed=3) for fold in range(folds)]
    held = torch.cat([held for _, held in parts]).tolist()
    assert sorted(held) == list(range(len(targets)))
    for kept, of_fold in parts:
        assert sorted([*kept.tolist(), *of_fold.tolist()]) == list(range(len(targets)))
        assert of_fold.tolist() == sorted(of_fold.tolist())
    counts = torch.stack([torch.bincount(targets[of_fold], minlength=3 * len(sizes)) for _, of_fold in parts])
    assert int((counts.amax(0) - counts.amin(0)).max()) <= 1
    assert int(counts.sum(1).max() - counts.sum(1).min()) <= 1


@pytest.mark.parametrize("strata", [torch.arange(200) % 4, None], ids=["labels", "regression"])
def test_folds_depend_on_the_seed_alone(strata):
    held = hold_out_fold(200, strata, 5, 2, 7)[1]
    assert len(held) == 40
    assert torch.equal(held, hold_out_fold(200, strata, 5, 2, 7)[1])
    assert not torch.equal(held, hold_out_fold(200, strata, 5, 2, 8)[1])


def test_the_rarest_class_that_occurs():
    assert smallest_class(5, torch.tensor([4, 2, 2, 4, 4])) == (2, 2)
    assert smallest_class(7, None) == (7, None)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.integers(2, 4))
def test_groups_are_held_out_whole(drawn, folds):
    numbers = {}
    groups = torch.tensor([numbers.setdefault(one, len(numbers)) for one in drawn])
    several = len(numbers)
    kept, held = hold_out(len(groups), None, 0.3, 1, "test", groups)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(groups)))
    assert not {*groups[kept].tolist()} & {*groups[held].tolist()}
    assert several == 1 or 0 < len({*groups[held].tolist()}) < several
    parts = [hold_out_fold(len(groups), None, folds, fold, 1, groups)[1] for fold in range(folds)]
    assert sorted(torch.cat(parts).tolist()) == list(range(len(groups)))
    assert sum(len({*groups[part].tolist()}) for part in parts) == several


def test_examples_of_groups_of_their_own_are_held_out_as_without_groups():
    alone = torch.arange(20)
    for one, other in zip(hold_out(20, None, 0.3, 1, "test"), hold_out(20, None, 0.3, 1, "test", alone), strict=True):
        assert torch.equal(one, other)
