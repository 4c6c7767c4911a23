"""Batches of similar lengths: every example once, the same for the same seed, little padding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data import buckets
from dl_runner.data.buckets import Buckets, ByLength, PairSamplers, by_length
from dl_runner.data.pairs import TokenPairs
from dl_runner.data.samplers import InOrder, Shuffled


def drawn(n: int) -> torch.Tensor:
    return torch.randint(1, 12, (n, 2), generator=torch.Generator().manual_seed(1))


def padding(lengths: torch.Tensor, batches) -> int:
    return sum(int((lengths[batch].amax(0) - lengths[batch]).sum()) for batch in batches)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 60), size=st.integers(1, 25), pool=st.integers(1, 4), epoch=st.integers(0, 3))
def test_every_example_is_there_once_in_as_many_batches_as_ever(n, size, pool, epoch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "POOL", pool)
        for sampler in (Buckets(drawn(n), size, 5), ByLength(drawn(n), size)):
            batches = sampler.order(epoch)
            assert sorted(torch.cat(list(batches)).tolist()) == list(range(n))
            assert len(batches) == len(sampler) == -(-n // size)
            assert sorted(map(len, batches))[1:] == [size] * (len(batches) - 1)


def test_an_epoch_is_a_function_of_its_number_and_the_seed():
    def order(seed, epoch):
        return tuple(tuple(batch.tolist()) for batch in Buckets(drawn(40), 4, seed).order(epoch))

    torch.manual_seed(0)
    state = torch.get_rng_state()
    found = {place: order(*place) for place in ((0, 0), (0, 1), (1, 0), (2**40, 0))}
    assert torch.equal(torch.get_rng_state(), state)
    assert len(set(found.values())) == 4 and order(0, 1) == found[0, 1]
    sets = [{frozenset(batch) for batch in found[0, epoch]} for epoch in (0, 1)]
    assert sets[0] != sets[1]  # not only the batches' order is new


def test_equally_long_examples_meet_others_in_each_epoch():
    sampler = Buckets(torch.ones(20, 2, dtype=torch.int64), 4, 0)
    partners = [{frozenset(batch.tolist()) for batch in sampler.order(epoch)} for epoch in (0, 1)]
    assert not partners[0] & partners[1]


def test_less_is_padded_than_by_chance():
    lengths = drawn(600)
    bucketed, ordered, by_chance = (
        padding(lengths, sampler.order(0))
        for sampler in (Buckets(lengths, 8, 0), ByLength(lengths, 8), Shuffled(600, 8, 0))
    )
    assert ordered <= bucketed < by_chance / 3


def test_an_evaluation_begins_with_the_first_example_and_is_always_the_same():
    sampler = ByLength(torch.tensor([[5, 1], [9, 9], [5, 2], [1, 1], [9, 8]]), 2)
    assert [batch.tolist() for batch in sampler.order(0)] == [[0, 3], [1], [2, 4]]
    assert sampler.order(1) is sampler.order(0)


def test_the_first_column_counts_most_and_equal_rows_keep_their_order():
    assert by_length(torch.tensor([[2, 1], [1, 9], [2, 0], [1, 9]])).tolist() == [1, 3, 2, 0]


def test_both_ways_of_batching():
    split = TokenPairs.of([[4] * n for n in (3, 1, 2)], [[4] * n for n in (1, 3, 2)])
    bucketed, shuffled = PairSamplers("buckets"), PairSamplers("shuffled")
    assert isinstance(bucketed.training(split, 2, 0), Buckets) and isinstance(shuffled.training(split, 2, 0), Shuffled)
    assert isinstance(shuffled.evaluation(split, 2), InOrder)
    assert [batch.tolist() for batch in bucketed.evaluation(split, 2).order(0)] == [[0, 2], [1]]
