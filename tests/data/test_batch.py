"""A batch: its parts, its counts, and a blank one of every kind."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.batch import Batch, blank, call, first_tensor
from dl_runner.spec import Boxes, Classes, Columns, DataSpec, Fields, Image, Numbers, Pixels, Tokens, Vector

EVERY_KIND = [
    (Image(3, 4, 5), Classes(("a", "b")), (2, 3, 4, 5), {}),
    (Vector(7), Numbers(2), (2, 7), {}),
    (Tokens(11, 6), Tokens(11, 6), (2, 6), {"tokens": 12}),
    (Image(1, 4, 5), Pixels(("a", "b"), 4, 5), (2, 1, 4, 5), {"pixels": 40}),
    (Columns(("a", "b"), ("c",), (3,)), Numbers(1), (2, 2), {}),
    (Fields.of(x=Image(1, 2, 2), y=Tokens(5, 3)), Classes(("a",)), (2, 1, 2, 2), {}),
    (Image(3, 8, 8), Boxes(("a",), 4), (2, 3, 8, 8), {}),
    (Tokens(11, 6), Fields.of(next=Tokens(11, 6), kind=Classes(("a", "b"))), (2, 6), {"tokens": 12}),
]


def counted(n: int) -> Batch:
    """Two inputs, a target and counts that differ from example to example."""
    inputs = {"a": torch.arange(n), "b": torch.arange(2.0 * n).view(n, 2)}
    return Batch.of(inputs, torch.arange(n) % 3, {"tokens": torch.arange(n) + 1})


@given(n=st.integers(1, 40), number=st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_parts_are_consecutive_not_empty_of_nearly_one_size_and_count_what_they_hold(n, number):
    batch = counted(n)
    parts = batch.parts(number)
    sizes = [len(part) for part in parts]
    assert len(parts) == min(n, number) and min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    assert torch.cat([part.inputs["a"] for part in parts]).tolist() == list(range(n))
    assert torch.cat([part.inputs["b"] for part in parts]).equal(batch.inputs["b"])
    assert torch.cat([part.targets for part in parts]).equal(batch.targets)
    assert [part.first for part in parts] == [part.inputs["a"][0].item() for part in parts]
    for part in parts:
        assert part.whole == batch.counts == {"examples": n, "tokens": n * (n + 1) // 2}
        assert part.counts == {"examples": len(part), "tokens": int((part.inputs["a"] + 1).sum())}


def test_the_shares_of_unequal_parts_add_up_to_the_mean():
    batch = counted(5)
    parts = batch.parts(3)
    values = batch.inputs["b"].double().sum(1)
    means = [part.weighted(part.inputs["b"].double().sum(1).mean()) for part in parts]
    torch.testing.assert_close(sum(means), values.mean())
    assert sum(part.share("tokens") for part in parts) == pytest.approx(1)


def test_the_first_examples_are_a_batch_of_their_own():
    few = counted(5).take(2)
    assert (len(few), few.inputs["a"].tolist(), few.counts["tokens"]) == (2, [0, 1], 3)
    assert len(counted(5).take(9)) == 5


def test_a_function_reaches_every_tensor_and_leaves_the_counts():
    batch = counted(3)
    doubled = batch.map(lambda one: one * 2)
    assert doubled.inputs["a"].tolist() == [0, 2, 4] and doubled.targets.tolist() == [0, 2, 4]
    assert (doubled.counts, batch.inputs["a"].tolist()) == (batch.counts, [0, 1, 2])


def test_several_inputs_are_keywords():
    assert call(lambda a, b: (a, b), {"b": 2, "a": 1}) == (1, 2)
    assert call(lambda x: x, torch.ones(1)) == 1


@pytest.mark.parametrize(("inputs", "targets", "shape", "counts"), EVERY_KIND)
def test_a_blank_batch_has_the_shapes_and_counts_of_its_kinds(inputs, targets, shape, counts):
    batch = blank(DataSpec(inputs, targets, "any"), 2)
    assert first_tensor(batch.inputs).shape == shape
    assert batch.counts == batch.whole == {"examples": 2, **counts}
    for kind, value in ((inputs, batch.inputs), (targets, batch.targets)):
        if hasattr(kind, "shape"):
            assert value.shape == (2, *kind.shape)
    assert [sum(part.counts[name] for part in batch.parts(2)) for name in batch.counts] == list(batch.counts.values())
