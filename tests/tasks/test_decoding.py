"""Beam search over tables of probabilities, against every sentence there is."""

import itertools

import pytest
import torch
from table_translator import Table
from translators import KINDS, SOURCES, translator
from translators import sentences as random_sentences

from dl_runner.data.vocabulary import BOS, EOS, PAD
from dl_runner.tasks.decoding import LOOK, search

VOCABULARY, LONGEST = 6, 4


def table(seed: int, sources: int = 3, scale: float = 2.0) -> Table:
    logits = scale * torch.randn(sources, VOCABULARY, VOCABULARY, generator=torch.Generator().manual_seed(seed))
    logits[:, :, [PAD, BOS]] = -torch.inf
    return Table(logits).eval()


def score(model: Table, source: int, tokens: tuple[int, ...], penalty: float) -> float:
    chances = model.logits[source].detach().log_softmax(-1)
    total = sum(chances[before, after] for before, after in itertools.pairwise((BOS, *tokens)))
    return float(total) / len(tokens) ** penalty


def sentences():
    """Every sentence that ends, and every one that does not within the longest length."""
    others = [token for token in range(VOCABULARY) if token not in (PAD, BOS, EOS)]
    for length in range(LONGEST):
        yield from ((*words, EOS) for words in itertools.product(others, repeat=length))
    yield from itertools.product(others, repeat=LONGEST)


@pytest.mark.parametrize("penalty", [0.0, 0.75, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_for_every_sentence_is_an_exhaustive_search(seed, penalty):
    model = table(seed)
    found = search(model, torch.arange(3).unsqueeze(1), longest=LONGEST, beam=VOCABULARY**LONGEST, penalty=penalty)
    for source, one in enumerate(found):
        best = max(sentences(), key=lambda tokens: score(model, source, tokens, penalty))
        assert one.tokens == [token for token in best if token != EOS]
        assert one.ended == (EOS in best)
        assert one.score == pytest.approx(score(model, source, best, penalty), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed):
    model = table(seed)
    for source, one in enumerate(search(model, torch.arange(3).unsqueeze(1), longest=LONGEST)):
        tokens, last = [], BOS
        while len(tokens) < LONGEST and (last := int(model.logits[source, last].argmax())) != EOS:
            tokens.append(last)
        assert (one.tokens, one.ended) == (tokens, last == EOS)


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
def test_sentences_do_not_depend_on_their_batch(beam):
    model, source = table(7, 5), torch.arange(5).unsqueeze(1)
    together = search(model, source, longest=LONGEST, beam=beam)
    alone = [search(model, one.unsqueeze(0), longest=LONGEST, beam=beam)[0] for one in source]
    assert [one.tokens for one in together] == [one.tokens for one in alone]


def test_the_best_of_a_wider_beam_is_seldom_worse():
    models, source = [table(seed, 1, scale=0.7) for seed in range(20)], torch.zeros(1, 1, dtype=torch.int64)
    one, four = (sum(search(model, source, longest=LONGEST, beam=beam)[0].score for model in models) for beam in (1, 4))
    assert four > one


def test_a_length_of_one_gives_one_token():
    found = search(table(0), torch.arange(3).unsqueeze(1), longest=1, beam=3)
    assert all(len(one.tokens) <= 1 for one in found)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize(("name", "options"), KINDS)
def test_neither_padding_nor_the_batch_matters_to_a_translator(name, options, beam):
    model, lengths = translator(name, **options), [4, 6, 1, 2]
    source = random_sentences(lengths, SOURCES)
    with torch.no_grad():
        together = search(model, source, longest=7, beam=beam)
        alone = [
            search(model, row[None, :length], longest=7, beam=beam)[0]
            for row, length in zip(source, lengths, strict=True)
        ]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], rel=1e-9)


def test_no_sentence_has_padding_or_a_beginning_in_it():
    model = table(0)
    with torch.no_grad():
        model.logits[:, :, [PAD, BOS]] = 50.0
    source = torch.arange(3).unsqueeze(1)
    written = [token for beam in (1, 4) for one in search(model, source, longest=9, beam=beam) for token in one.tokens]
    assert not {PAD, BOS, EOS} & set(written)


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_it_does_not_matter_how_often_it_is_asked_whether_all_have_ended(beam, monkeypatch):
    model, source = table(3, 5), torch.arange(5).unsqueeze(1)
    with torch.no_grad():
        model.logits[:, :, 0] = -9.0  # no token comes back to itself by way of <unk>
        model.logits[:, 4, 4] = model.logits[:, 5, 4:] = -9.0
    often = search(model, source, longest=20, beam=beam)
    assert all(one.ended for one in often) and len({len(one.tokens) for one in often}) > 1
    monkeypatch.setitem(LOOK, "cpu", 8)
    assert search(model, source, longest=20, beam=beam) == often


def test_a_score_is_that_of_the_sentence():
    model = table(5)
    for source, one in enumerate(search(model, torch.arange(3).unsqueeze(1), longest=LONGEST, beam=2)):
        tokens = (*one.tokens, EOS) if one.ended else tuple(one.tokens)
        assert one.score == pytest.approx(score(model, source, tokens, 0.75), rel=1e-5)
