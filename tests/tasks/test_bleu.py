"""BLEU against the book's code, by hand, and sacrebleu's."""

import math
import random
import sys
from collections import Counter

import pytest

from dl_runner.errors import UserError
from dl_runner.tasks.bleu import corpus_bleu, require_sacrebleu, sacre_bleu, sentence_bleu


def by_the_book(prediction: str, label: str, k: int) -> float:
    """Dive into Deep Learning, section 10.7.6 (English edition), word for word but for the names."""
    pred_tokens, label_tokens = prediction.split(" "), label.split(" ")
    len_pred, len_label = len(pred_tokens), len(label_tokens)
    score = math.exp(min(0, 1 - len_label / len_pred))
    for n in range(1, min(k, len_pred) + 1):
        num_matches, label_subs = 0, Counter()
        for i in range(len_label - n + 1):
            label_subs[" ".join(label_tokens[i : i + n])] += 1
        for i in range(len_pred - n + 1):
            if label_subs[" ".join(pred_tokens[i : i + n])] > 0:
                num_matches += 1
                label_subs[" ".join(pred_tokens[i : i + n])] -= 1
        score *= math.pow(num_matches / (len_pred - n + 1), math.pow(0.5, n))
    return score


def sentence(chance: random.Random, longest: int = 9) -> str:
    return " ".join(chance.choice("abcd") for _ in range(chance.randint(1, longest)))


@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_sentences_is_the_books(k):
    chance = random.Random(k)
    pairs = [(sentence(chance), sentence(chance)) for _ in range(200)]
    found = [sentence_bleu(one.split(), other.split(), k) for one, other in pairs]
    assert found == pytest.approx([by_the_book(one, other, k) for one, other in pairs], rel=1e-12)
    assert sum(0 < one < 1 for one in found) > 20


def test_sentences_by_hand():
    assert sentence_bleu(["il", "est", "calme", "."], ["il", "est", "calme", "."]) == 1
    assert sentence_bleu([], ["a"]) == 0
    assert sentence_bleu(["a"], ["a", "b"]) == pytest.approx(math.exp(-1))
    # the book's: <il est riche .> for <il est calme .> has 3/4 of the words and 1/3 of the pairs
    expected = (3 / 4) ** 0.5 * (1 / 3) ** 0.25
    assert sentence_bleu(["il", "est", "riche", "."], ["il", "est", "calme", "."]) == pytest.approx(expected)
    assert round(expected, 3) == 0.658


def test_a_corpus_by_hand():
    same = (["a", "b", "c", "d", "e"],) * 2
    assert corpus_bleu([same]) == pytest.approx(100)
    half = (["a", "b", "c", "d"], ["a", "b", "c", "d", "a", "b", "c", "d"])
    assert corpus_bleu([half]) == pytest.approx(100 * math.exp(-1))
    assert corpus_bleu([]) == corpus_bleu([([], ["a"])]) == corpus_bleu([(["x"] * 5, ["a"] * 5)]) == 0
    assert corpus_bleu([(["a"] * 3, ["a"] * 3)]) == 0  # has no 4-gram


@pytest.mark.parametrize("seed", range(6))
def test_a_corpus_is_sacrebleus_on_tokens(seed):
    metrics = pytest.importorskip("sacrebleu.metrics")
    chance = random.Random(seed)
    pairs = [(sentence(chance, 1 + 2 * seed), sentence(chance)) for _ in range(1 + 3 * seed)]
    theirs = metrics.BLEU(tokenize="none", force=True).corpus_score(
        *[[one for one, _ in pairs], [[r for _, r in pairs]]]
    )
    ours = corpus_bleu([(one.split(), other.split()) for one, other in pairs])
    assert ours == pytest.approx(theirs.score, rel=1e-9, abs=1e-9)


def test_texts_are_sacrebleus():
    metrics = pytest.importorskip("sacrebleu.metrics")
    pairs = [("A man, two dogs.", "A man and two dogs."), ("It's late!", "It is late!")]
    theirs = metrics.BLEU().corpus_score([one for one, _ in pairs], [[other for _, other in pairs]])
    assert sacre_bleu(pairs) == pytest.approx(theirs.score) and 0 < theirs.score < 100


def test_sacrebleu_is_asked_for_in_one_line_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UserError, match=r"task.bleu=sacrebleu: .*pip install 'dl_runner\[sacrebleu\]'"):
        require_sacrebleu()
