"""What a split's greedy translations are worth: against sentences whose counts are known."""

import pickle

import pytest
import torch
from table_translator import Table

from dl_runner.data.batch import Batch
from dl_runner.data.fitted.text_pair import PairFit
from dl_runner.data.pairs import SentencePairs, TokenPairs
from dl_runner.data.tokenizers import word
from dl_runner.data.vocabulary import BOS, EOS
from dl_runner.tasks.bleu import corpus_bleu, sentence_bleu
from dl_runner.tasks.translation_meter import TranslationMeter

FITTED = PairFit(word(), None).fit(SentencePairs(["a", "b"], ["u v w x y", "u"]))
WORDS = {token: number for number, token in enumerate(FITTED.target.tokens)}
U, V, W, X, Y = (WORDS[token] for token in "uvwxy")


def writes(*sentences: list[int]) -> Table:
    """A model that writes sentence i, whose tokens all differ, for a source that begins with token i."""
    logits = torch.zeros(len(sentences), len(WORDS), len(WORDS), dtype=torch.float64)
    for source, sentence in enumerate(sentences):
        for before, after in zip([BOS, *sentence], [*sentence, EOS], strict=True):
            logits[source, before, after] = 9.0
    return Table(logits).eval()


def batch(*targets: list[int], first: int = 0) -> Batch:
    split = TokenPairs.of([[first + at, EOS] for at in range(len(targets))], [[*one, EOS] for one in targets])
    index = slice(0, len(targets))
    return Batch.of(*split.take(index), split.counted(index))


def meter(kind: str) -> TranslationMeter:
    return TranslationMeter(kind, 8, FITTED.target)


@pytest.mark.parametrize("kind", ["corpus", "book"])
def test_bleu_and_exact_sentences_by_hand(kind):
    written, wanted = [[U, V, W, X, Y], [U, V]], [[U, V, W, X, Y], [U, W, V]]
    one = meter(kind)
    one.update(writes(*written), batch(*wanted))
    found = one.compute()
    pairs = list(zip(written, wanted, strict=True))
    scores = [sentence_bleu(*pair) for pair in pairs]
    assert found["exact"] == 0.5
    assert found["bleu"] == pytest.approx({"corpus": corpus_bleu(pairs), "book": sum(scores) / 2}[kind])
    assert 0 < found["bleu"] < {"corpus": 100, "book": 1}[kind]


def test_texts_are_those_of_sacrebleu():
    metrics = pytest.importorskip("sacrebleu.metrics")
    one = meter("sacrebleu")
    one.update(writes([U, V, W, X, Y], [Y]), batch([U, V, W, X], [Y, U]))
    theirs = metrics.BLEU(force=True).corpus_score(["u v w x y", "y"], [["u v w x", "y u"]])
    assert one.compute() == {"bleu": pytest.approx(theirs.score), "exact": 0.0}


@pytest.mark.parametrize("kind", ["corpus", "book", "sacrebleu"])
def test_a_word_that_is_unknown_is_never_right(kind):
    if kind == "sacrebleu":
        pytest.importorskip("sacrebleu")
    one = meter(kind)
    one.update(writes([0]), batch([0]))
    assert one.compute() == {"bleu": 0.0, "exact": 0.0}


def test_meters_of_several_processes_are_one():
    net, wanted = writes([U, V, W, X, Y], [U], [V, W]), [[U, V, W, X, Y], [V], [V, W]]
    whole, first, second = meter("corpus"), meter("corpus"), meter("corpus")
    whole.update(net, batch(*wanted))
    first.update(net, batch(*wanted[:2]))
    second.update(net, batch(*wanted[2:], first=2))
    first.merge(pickle.loads(pickle.dumps(second)))
    assert first.compute() == whole.compute() and whole.compute()["exact"] == pytest.approx(2 / 3)
