"""Pairs of sentences in files, and what is held out of them."""

from pathlib import Path

import pytest

from dl_runner.data.dataset import Cuts, cut
from dl_runner.data.fitted.text_pair import PairFit
from dl_runner.data.parallel_corpus import aligned, parallel_corpus, tab_separated
from dl_runner.data.tokenizers import char, word
from dl_runner.errors import UserError

FILE, OTHER = Path("a.txt"), Path("b.txt")
PAIRS = [(f"s{number}", f"t{number}") for number in range(20)]


def made(train=PAIRS, tokenizer=None, target_tokenizer=None, **options):
    return parallel_corpus(
        train, tokenizer, target_tokenizer, **{"pairs": None, "length": None, "batching": "buckets", **options}
    )


def test_the_first_two_columns_are_a_pair():
    assert tab_separated("Go.\tVa !\tCC-BY\n\n Hi. \t Salut !\n", FILE) == [("Go.", "Va !"), ("Hi.", "Salut !")]
    for text, line in (("a\tb\nalone\n", 2), ("\tb", 1), ("a\t", 1), ("a\tb\n\na\t \tc", 3)):
        with pytest.raises(UserError, match=rf"^a\.txt, line {line}: has no sentence and translation"):
            tab_separated(text, FILE)


def test_lines_are_pairs_with_those_of_the_other_file():
    assert aligned("a\n\nb c\n", "x\n \ny", (FILE, OTHER)) == [("a", "x"), ("b c", "y")]
    with pytest.raises(UserError, match=r"^a\.txt has 2 lines and b\.txt has 3;"):
        aligned("a\nb\n", "x\ny\nz\n", (FILE, OTHER))
    for texts, told in ((("a\n\n", "x\ny\n"), "a"), (("a\nb", "x\n  "), "b")):
        with pytest.raises(UserError, match=rf"^{told}\.txt, line 2: is empty and its translation is not"):
            aligned(*texts, (FILE, OTHER))


def test_a_share_is_held_out_and_stays_together_with_its_translations():
    data = made(test=0.25, seed=3)
    assert (len(data.train), len(data.test), data.validation) == (15, 5, None)
    found = [pair for split in (data.train, data.test) for pair in zip(split.sources, split.targets, strict=True)]
    assert sorted(found) == sorted(PAIRS)
    assert made(test=0.25, seed=3).test.sources == data.test.sources != made(test=0.25, seed=4).test.sources
    assert made(test=0.0).test is None


def test_translations_of_one_sentence_are_held_out_together():
    pairs = [(f"s{number // 4}", f"t{number}") for number in range(80)]
    data = made(pairs, test=0.25)
    assert (len(data.train), len(data.test)) == (60, 20) and not {*data.train.sources} & {*data.test.sources}
    for cuts, held in ((Cuts(validation=0.2), 12), (Cuts(folds=3, fold=1), 20)):
        found = cut(data, cuts)
        assert (len(found.train), len(found.validation)) == (60 - held, held)
        # The vocabulary is that of the training, so what is held out has words that are unknown.
        assert (found.train.source[:, 0] > 0).all() and (found.validation.source[:, 0] == 0).all()
    with pytest.raises(UserError, match=r"data\.folds=16: there are only 15 training examples"):
        cut(data, Cuts(folds=16, fold=0))


def test_splits_of_its_own_are_kept_and_the_beginning_can_do():
    data = made(validation=PAIRS[:2], test=PAIRS[2:5], pairs=7)
    assert data.train.sources == [f"s{number}" for number in range(7)]
    assert (len(data.validation), data.test.targets) == (2, ["t2", "t3", "t4"])


def test_lower_case_words_unless_another_tokenizer_is_asked_for():
    assert made().fit == PairFit(word(lowercase=True), None)
    assert made(tokenizer=char(), length=7).fit == PairFit(char(), 7)
    assert made(tokenizer=char(), target_tokenizer=word()).fit == PairFit(char(), None, word())


def test_nothing_to_train_on_is_refused():
    with pytest.raises(UserError, match="no pair of sentences"):
        made([])
