"""A text as a data set: its parts, and the vocabulary of the training part."""

import pytest

from dl_runner.data.corpus import corpus, read_text
from dl_runner.data.dataset import Cuts, cut
from dl_runner.data.tokenizers import word
from dl_runner.errors import UserError


def made(text: str, cuts: Cuts, tokenizer=None, **given):
    return cut(
        corpus(text, tokenizer, **{"characters": None, "test": 0.0, "steps": 3, "sampling": "random"} | given), cuts
    )


def test_validation_and_test_are_the_end_and_the_vocabulary_is_of_the_training_part_alone():
    data = made("aaaabbbcczde", Cuts(validation=0.2), test=0.17)
    assert [len(split) for split in data.splits] == [8, 2, 2]
    assert data.fitted.tokenizer.tokens == ("<unk>", "a", "b", "c")
    assert data.validation.tokens.tolist() == [3, 0] and data.test.tokens.tolist() == [0, 0]
    assert data.spec.inputs.vocabulary == 4 and data.spec.task == "language_model"


def test_limit_and_characters_take_the_beginning():
    data = made("abcdefghij", Cuts(limit=3, validation=0.5), characters=8)
    assert data.fitted.tokenizer.tokens == ("<unk>", "a", "b", "c") and len(data.validation) == 4


def test_words_are_the_tokens_where_asked_for():
    assert made("to be or not to be", Cuts(), word()).train.tokens.tolist() == [2, 1, 4, 3, 2, 1]


def test_folds_are_refused():
    with pytest.raises(UserError, match=r"data\.folds=2: .*order"):
        made("abcdef", Cuts(folds=2, fold=0))


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\xff")
    with pytest.raises(UserError, match=r"a\.txt: is no UTF-8"):
        read_text(tmp_path / "a.txt")
