"""Sentences with their translations as a split, and the batches that a loader makes of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.buckets import Buckets
from dl_runner.data.fingerprint import fingerprint
from dl_runner.data.loader import Loader
from dl_runner.data.pairs import SentencePairs, TokenPairs, padded
from dl_runner.data.preparation import Unchanged
from dl_runner.data.text import IGNORE
from dl_runner.data.vocabulary import BOS, EOS, PAD

WORDS = 9  # of either vocabulary
SENTENCE = st.lists(st.integers(4, WORDS - 1), max_size=6)
PAIRS = st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=9)


def tokens(pairs) -> TokenPairs:
    return TokenPairs.of(*([[*sentence, EOS] for sentence in side] for side in zip(*pairs, strict=True)))


def drawn(n: int, longest: int = 9) -> TokenPairs:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(0, longest, (n, 2), generator=generator).tolist()
    draw = lambda size: torch.randint(4, WORDS, (size,), generator=generator).tolist()  # noqa: E731
    return tokens([(draw(source), draw(target)) for source, target in sizes])


@settings(deadline=None)
@given(PAIRS, st.data())
def test_a_batch_is_as_long_as_its_longest_and_holds_what_was_given(pairs, data):
    split = tokens(pairs)
    chosen = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=5))
    index = torch.tensor(chosen)
    inputs, targets = split.narrowed(index).take(index)
    longest = [max(len(pairs[place][side]) for place in chosen) + 1 for side in (0, 1)]
    assert inputs["source"].shape == (len(chosen), longest[0])
    assert inputs["target"].shape == targets.shape == (len(chosen), longest[1])
    for row, place in enumerate(chosen):
        source, target = pairs[place]
        rest = [PAD] * (longest[1] - 1 - len(target))
        assert inputs["source"][row].tolist() == [*source, EOS, *[PAD] * (longest[0] - 1 - len(source))]
        assert inputs["target"][row].tolist() == [BOS, *target, *rest]
        assert targets[row].tolist() == [*target, EOS, *[IGNORE] * len(rest)]
    assert split.counted(index)["tokens"].tolist() == (targets != IGNORE).sum(1).tolist()


def test_a_range_is_taken_like_its_indices_and_a_subset_like_the_split():
    split, index = drawn(12), torch.arange(3, 9)
    ranged, listed = (split.narrowed(at).take(at) for at in (slice(3, 9), index))
    part = split.subset(index)
    for one in (listed, part.narrowed(slice(0, 6)).take(slice(0, 6))):
        assert torch.equal(one[1], ranged[1])
        assert all(torch.equal(one[0][name], ranged[0][name]) for name in ("source", "target"))
    assert part.counted(slice(1, 3))["tokens"].tolist() == split.counted(slice(4, 6))["tokens"].tolist()


def test_a_batch_is_a_copy():
    split = drawn(4)
    before = fingerprint(split)
    for index in (slice(0, 4), torch.arange(4)):
        inputs, targets = split.take(index)
        for tensor in (*inputs.values(), targets):
            assert tensor.is_contiguous()
            tensor.zero_()
    assert fingerprint(split) == before


def test_a_narrowed_split_is_a_view_that_no_lengths_on_a_device_are_asked_for():
    split = drawn(6)
    narrow = split.narrowed(torch.tensor([2, 5]))
    assert narrow.source.data_ptr() == split.source.data_ptr()
    elsewhere = split.to("meta")  # from which nothing can be read
    assert elsewhere.narrowed(torch.tensor([2, 5])).source.shape == narrow.source.shape
    assert elsewhere.counted(torch.tensor([2, 5]))["tokens"].device.type == "cpu"
    assert split.narrowed(torch.arange(0)).take(torch.arange(0))[1].shape == (0, 1)


def test_strings_are_chosen_and_told_apart_but_not_read():
    split = SentencePairs(["a", "b", "c"], ["x", "y", "z"])
    part = split.subset(torch.tensor([2, 0]))
    assert (part.sources, part.targets, len(part)) == (["c", "a"], ["z", "x"], 2)
    prints = {fingerprint(one)["content"] for one in (split, part, SentencePairs(["a", "b", "c"], ["x", "z", "y"]))}
    assert len(prints) == 3
    with pytest.raises(NotImplementedError, match="tokens"):
        split.take(torch.arange(1))
    with pytest.raises(ValueError, match="3 sentences and 1"):
        SentencePairs(["a", "b", "c"], ["x"])


def test_a_fingerprint_knows_every_token():
    prints = {fingerprint(tokens(one))["content"] for one in ([([4], [5])], [([5], [4])], [([4], [5, 5])])}
    assert len(prints) == 3


def test_padding_of_nothing():
    assert padded([]).shape == (0, 1) and padded([[], [7]]).tolist() == [[PAD], [7]]


class Toy(torch.nn.Module):
    """Logits of a target's places from what was read before each and from the source's mean; padding is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.written = torch.nn.Embedding(WORDS, 3), torch.nn.Embedding(WORDS, 3)
        self.head = torch.nn.Linear(3, WORDS)

    def forward(self, source, target):
        there = (source != PAD).unsqueeze(-1)
        mean = (self.read(source) * there).sum(1) / there.sum(1)
        return self.head(self.written(target).cumsum(1) + mean.unsqueeze(1))


def contribution(model: Toy, batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of a part of a batch, and its gradient."""
    logits = model(**batch.inputs).flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(logits, batch.targets.flatten(), ignore_index=IGNORE, reduction="sum")
    loss = loss / batch.whole["tokens"]
    return loss, torch.cat([one.flatten() for one in torch.autograd.grad(loss, list(model.parameters()))])


@pytest.mark.parametrize("shares, accumulate", [(1, 3), (2, 1), (3, 2)])
def test_parts_padded_each_to_its_own_longest_are_the_whole_batch(shares, accumulate):
    torch.manual_seed(0)
    model, split = Toy().double(), drawn(23)
    sampler = Buckets(split.lengths, 7, seed=1)
    epochs = [
        list(Loader(split, sampler, Unchanged(), device="cpu", share=(rank, size), repeated=True).epoch(2))
        for size in (1, shares)
        for rank in range(size)
    ]
    whole, *others = epochs
    widths = set()
    for number, batch in enumerate(whole):
        loss, gradient = contribution(model, batch)
        assert batch.whole["tokens"] == int((batch.targets != IGNORE).sum())
        parts = [part for other in others for part in other[number].parts(accumulate) if len(part)]
        widths |= {part.targets.shape[1] - batch.targets.shape[1] for part in parts}
        found = [contribution(model, part) for part in parts]
        assert sum(one for one, _ in found).item() == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(sum(one for _, one in found), gradient, rtol=1e-10, atol=1e-12)
    assert shares == 1 or min(widths) < 0  # some part was indeed shorter than its batch


def test_an_epoch_entered_in_the_middle_goes_on_exactly():
    split = drawn(30)
    loader = Loader(split, Buckets(split.lengths, 4, seed=3), Unchanged(), device="cpu", repeated=True)
    through, later = list(loader.epoch(1)), list(loader.epoch(1, start=5))
    assert len(later) == len(through) - 5 == 3
    for one, other in zip(through[5:], later, strict=True):
        assert torch.equal(one.targets, other.targets) and one.counts == other.counts
        assert all(torch.equal(one.inputs[name], other.inputs[name]) for name in ("source", "target"))
