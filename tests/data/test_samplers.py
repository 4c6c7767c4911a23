"""Which examples make up a batch: pure functions of seed and epoch."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.samplers import First, InOrder, Shuffled, evenly_spaced, permutation


def test_permutation_is_pure_and_mixes_seed_and_epoch():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    orders = {(seed, epoch): tuple(permutation(20, seed, epoch).tolist()) for seed in (0, 1, 2**32) for epoch in (0, 1)}
    assert len(set(orders.values())) == len(orders)
    assert orders[1, 0] == tuple(permutation(20, 1, 0).tolist())
    assert torch.equal(before, torch.get_rng_state())


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_in_order_and_shuffled_hold_every_example_once_in_batches_of_the_size(n, batch_size):
    ordered, shuffled = InOrder(n, batch_size), Shuffled(n, batch_size, 3)
    assert torch.cat([torch.arange(n)[batch] for batch in ordered.order(0)]).tolist() == list(range(n))
    assert torch.cat(list(shuffled.order(2))).tolist() == permutation(n, 3, 2).tolist()
    sizes = [len(torch.arange(n)[batch]) for batch in ordered.order(0)]
    assert sizes == [len(batch) for batch in shuffled.order(0)] and len(sizes) == len(ordered) == len(shuffled)
    assert all(size == batch_size for size in sizes[:-1]) and 0 < sizes[-1] <= batch_size


@given(n=st.integers(1, 200), most=st.integers(1, 250))
@settings(max_examples=50, deadline=None)
def test_evenly_spaced_examples_are_different_and_reach_through_the_split(n, most):
    places = evenly_spaced(n, most).tolist()
    assert len(places) == min(n, most) == len(set(places)) and places == sorted(places)
    assert places[0] == 0 and n - places[-1] <= -(-n // len(places)) and places[-1] < n


def test_the_first_batches_are_those_of_the_sampler():
    whole = InOrder(23, 8)
    for most, batches in ((1, 1), (3, 3), (9, 3)):
        few = First(whole, most)
        assert len(few) == batches and list(few.order(0)) == list(whole.order(0))[:batches]
