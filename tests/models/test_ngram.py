"""The n-gram model against a second one of dictionaries and recursion, in float64, and its counts against the text."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.data.loader import Loader
from dl_runner.data.preparation import Unchanged
from dl_runner.data.text import TokenStream
from dl_runner.data.windows import WindowSamplers
from dl_runner.errors import UserError
from dl_runner.layers.ngram_smoothing import DISCOUNTED, estimated_discounts
from dl_runner.models.ngram import ngram
from dl_runner.spec import DataSpec, Tokens

KINDS = [(name, False) for name in (*DISCOUNTED, "witten_bell", "dirichlet", "additive")]
KINDS += [(name, True) for name in (*DISCOUNTED, "witten_bell")]
WORDS = 5
texts = st.lists(st.integers(0, WORDS - 1), min_size=2, max_size=60)


def batches(tokens, steps=4, batch_size=3, sampling="random"):
    split = TokenStream(torch.tensor(tokens), steps)
    sampler = WindowSamplers(sampling).once(split, batch_size)
    return Loader(split, sampler, Unchanged(), device="cpu").epoch()


def fitted(tokens, **options):
    model = ngram(DataSpec(Tokens(WORDS, 4), Tokens(WORDS, 4), "language_model"), **options).double().eval()
    model.fit(batches(tokens))
    return model


def probabilities(model, context):
    """Of the word after a context of at least one word."""
    return model(torch.tensor([context]))[0][0, -1].exp().tolist()


class ByHand:
    """The formulas of Chen and Goodman (1999) over tuples of words."""

    def __init__(self, tokens, order, smoothing, backoff):
        self.smoothing, self.backoff, self.order = smoothing, backoff, order
        windows = {n: [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)] for n in range(1, order + 1)}
        self.counts = {n: Counter(grams) for n, grams in windows.items()}
        if "kneser_ney" in smoothing:
            for n in range(1, order):
                self.counts[n] = Counter(longer[1:] for longer in set(windows[n + 1]))

    def discount(self, n, value):
        having = Counter(self.counts[n].values())
        if not having[1]:
            return 0.5
        one, i = having[1] / (having[1] + 2 * having[2]), min(value, 3)
        if self.smoothing != "modified_kneser_ney" or not having[i]:
            return one
        found = i - (i + 1) * one * having[i + 1] / having[i]
        return found if 0 < found <= i else one

    def share(self, word, context):
        n = len(context) + 1
        after = {w: c for w in range(WORDS) if (c := self.counts[n].get((*context, w), 0))}
        shorter = (lambda w: self.share(w, context[1:])) if context else (lambda w: 1 / WORDS)
        total = sum(after.values())
        if self.smoothing == "additive":
            return (after.get(word, 0) + 1) / (total + WORDS)
        if not after:
            return shorter(word)
        if self.smoothing == "dirichlet":
            return (after.get(word, 0) + shorter(word)) / (total + 1)
        if self.smoothing == "witten_bell":
            kept = {w: c / (total + len(after)) for w, c in after.items()}
        else:
            kept = {w: max(0, c - self.discount(n, c)) / total for w, c in after.items()}
        free = 1 - sum(kept.values())
        if not self.backoff:
            return kept.get(word, 0) + free * shorter(word)
        kept = {w: share for w, share in kept.items() if share}
        if len(kept) == WORDS:
            return kept[word] / sum(kept.values())
        return kept.get(word) or free * shorter(word) / sum(shorter(w) for w in range(WORDS) if w not in kept)


@pytest.mark.parametrize(("smoothing", "backoff"), KINDS)
@settings(max_examples=20, deadline=None)
@given(tokens=texts, order=st.integers(1, 4), context=st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=6))
def test_probabilities_are_those_of_the_formulas_and_add_up_to_one(smoothing, backoff, tokens, order, context):
    found = probabilities(fitted(tokens, order=order, smoothing=smoothing, backoff=backoff), context)
    seen = tuple(context[max(0, len(context) - order + 1) :]) if order > 1 else ()
    by_hand = ByHand(tokens, order, smoothing, backoff)
    assert sum(found) == pytest.approx(1, abs=1e-12)
    assert found == pytest.approx([by_hand.share(word, seen) for word in range(WORDS)], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    tokens=texts,
    steps=st.integers(1, 9),
    batch_size=st.integers(1, 5),
    order=st.integers(1, 4),
    sampling=st.sampled_from(["random", "sequential", "overlapping"]),
)
def test_each_n_gram_counts_once_however_the_text_is_cut_into_windows(tokens, steps, batch_size, order, sampling):
    model = fitted([0, 1], order=order, smoothing="absolute")  # what it held before is forgotten
    model.fit(batches(tokens, steps, batch_size, sampling))
    grams = {(): 0}
    for n, table in enumerate(model.tables, 1):
        found = {
            (context, key % WORDS): c
            for key, c in zip(table.keys.tolist(), table.counts.tolist(), strict=True)
            for context in [key // WORDS]
        }
        expected = Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
        assert {gram: found[grams[gram[:-1]], gram[-1]] for gram in expected} == expected and len(found) == len(
            expected
        )
        grams = {gram: place for place, gram in enumerate(sorted(expected))}


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_last_words_carried_on_make_windows_equal_the_whole(order):
    generator = torch.Generator().manual_seed(0)
    model = fitted(torch.randint(WORDS, (200,), generator=generator).tolist(), order=order)
    text = torch.randint(WORDS, (2, 11), generator=generator)
    whole, _ = model(text)
    pieces, state = [], None
    for piece in text.split([1, 4, 1, 5], dim=1):
        logits, state = model(piece, state)
        assert state.shape == (2, order - 1)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=0)
    later = text.clone()
    later[:, 6:] = (text[:, 6:] + 1) % WORDS
    assert model(later)[0][:, :6].equal(whole[:, :6])


def test_discounts_are_those_of_counts_of_counts():
    counts = torch.tensor([1] * 8 + [2] * 4 + [3] * 2 + [4] + [9])
    one = 8 / (8 + 2 * 4)
    assert estimated_discounts(counts, modified=False).tolist() == [one] * 3
    expected = [1 - 2 * one * 4 / 8, 2 - 3 * one * 2 / 4, 3 - 4 * one * 1 / 2]
    assert estimated_discounts(counts, modified=True).tolist() == pytest.approx(expected)
    assert estimated_discounts(torch.tensor([5, 7]), modified=True).tolist() == [0.5] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": "witten_bell", "discount": 0.5}, "model.discount=0.5: is for model.smoothing=absolute and"),
        ({"pseudocount": 2.0}, "model.pseudocount=2: is for model.smoothing=additive and dirichlet"),
        ({"smoothing": "additive", "backoff": True}, "model.backoff=true: model.smoothing=additive gives unseen"),
    ],
)
def test_a_key_that_is_not_for_the_smoothing_is_refused(options, message):
    with pytest.raises(UserError) as error:
        fitted([0, 1], **options)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_labels_of_tokens_are_no_next_tokens():
    with pytest.raises(UserError, match=r"model=ngram: .* task is labelling"):
        ngram(DataSpec(Tokens(WORDS, 4), Tokens(WORDS, 4), "labelling"))
