"""Which windows make up an epoch: functions of seed and epoch, none beyond the text, every token where promised."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.loader import Loader
from dl_runner.data.preparation import Unchanged
from dl_runner.data.text import TokenStream
from dl_runner.data.windows import WindowSamplers
from dl_runner.errors import UserError

KINDS = ("random", "sequential", "overlapping")
SIZES = st.tuples(
    st.integers(1, 9), st.integers(1, 5), st.integers(1, 60)
)  # steps, batch size, tokens more than needed


def training(kind, steps, batch_size, more, seed=0):
    tokens = steps * (batch_size if kind == "sequential" else 1) + more
    split = TokenStream(torch.arange(tokens), steps)
    return split, WindowSamplers(kind).training(split, batch_size, seed)


@settings(deadline=None)
@given(st.sampled_from(KINDS), SIZES, st.integers(0, 3), st.integers(0, 20))
def test_an_epoch_is_a_function_of_seed_and_epoch_and_stays_within_the_text(kind, sizes, seed, epoch):
    split, sampler = training(kind, *sizes, seed)
    order, again = sampler.order(epoch), training(kind, *sizes, seed)[1].order(epoch)
    assert len(order) == len(sampler) >= 1
    assert all(torch.equal(*pair) for pair in zip(order, again, strict=True))
    starts = torch.cat(list(order))
    assert starts.min() >= 0 and starts.max() + split.steps < len(split)
    assert len(starts.unique()) == len(starts)
    assert all(len(batch) == sizes[1] for batch in order[:-1]) and 1 <= len(order[-1]) <= sizes[1]


@settings(deadline=None)
@given(SIZES, st.integers(0, 20))
def test_random_windows_do_not_overlap_and_leave_little_out(sizes, epoch):
    split, sampler = training("random", *sizes)
    starts = torch.cat(list(sampler.order(epoch))).sort().values
    assert bool((starts.diff() == split.steps).all())
    assert len(split) - 1 - len(starts) * split.steps < 2 * split.steps


@settings(deadline=None)
@given(SIZES, st.integers(0, 20))
def test_every_row_of_sequential_windows_goes_on_where_it_was(sizes, epoch):
    split, sampler = training("sequential", *sizes)
    order = torch.stack(list(sampler.order(epoch)))  # (windows, rows)
    assert sampler.carries and order.shape[1] == sizes[1]
    assert bool((order.diff(dim=0) == split.steps).all())
    begins = order[0].diff()
    assert bool((begins >= len(order) * split.steps).all())  # no token is in two rows
    assert len(split) - 1 - order.numel() * split.steps < (sizes[1] + 1) * split.steps + sizes[1]


@settings(deadline=None)
@given(SIZES)
def test_overlapping_windows_are_all_there_are(sizes):
    split, sampler = training("overlapping", *sizes)
    starts = torch.cat(list(sampler.order(0))).sort().values
    assert torch.equal(starts, torch.arange(len(split) - split.steps))


@pytest.mark.parametrize("kind", KINDS)
def test_every_epoch_is_another(kind):
    _, sampler = training(kind, 8, 4, 300)
    assert len({tuple(sampler.order(epoch)[0].tolist()) for epoch in range(40)}) > 5  # of 9 offsets at least


@settings(deadline=None)
@given(st.sampled_from(["random", "sequential"]), SIZES)
def test_evaluation_meets_every_target_once(kind, sizes):
    steps, batch_size, more = sizes
    split = TokenStream(torch.arange(1 + more), steps)
    sampler = WindowSamplers(kind).evaluation(split, batch_size)
    batches = list(Loader(split, sampler, Unchanged(), device="cpu").epoch())
    targets = torch.cat([batch.targets.flatten() for batch in batches])
    assert torch.equal(targets[targets >= 0], torch.arange(1, 1 + more))
    assert sum(batch.counts["tokens"] for batch in batches) == more
    assert [batch.continues for batch in batches] == [kind == "sequential" and n > 0 for n in range(len(batches))]
    assert kind != "sequential" or all(len(batch) == 1 for batch in batches)


def test_evaluation_of_overlapping_windows_takes_them_all_in_order():
    split = TokenStream(torch.arange(12), 4)
    order = WindowSamplers("overlapping").evaluation(split, 3).order(0)
    assert [batch.tolist() for batch in order] == [[0, 1, 2], [3, 4, 5], [6, 7]]


@pytest.mark.parametrize("kind", KINDS)
def test_too_short_a_text_is_refused(kind):
    with pytest.raises(UserError, match=r"data\.steps=5: "):
        training(kind, 5, 3, 0)
    assert len(training(kind, 5, 3, 1)[1]) == 1
    with pytest.raises(UserError, match="takes two to predict one"):
        WindowSamplers(kind).evaluation(TokenStream(torch.arange(1), 5), 3)
