"""The texts: their clean-up, and the data set that each becomes."""

from itertools import pairwise

import pytest

from dl_runner.data.dataset import Cuts, cut
from dl_runner.datasets.python_docs import cleaned, python_docs
from dl_runner.datasets.time_machine import time_machine
from dl_runner.datasets.tiny_shakespeare import tiny_shakespeare
from dl_runner.errors import UserError


def test_the_time_machine_is_the_books(text_root):
    data = time_machine(text_root, download=False, test=0.0)
    assert len(data.train) == 173_428 and data.test is None
    assert data.train.text.startswith("the time machine by h g wells i the time traveller for so")
    words = data.train.text.split()
    triples = list(zip(words, words[1:], words[2:], strict=False))
    assert list(pairwise(words)).count(("of", "the")) == 309 and triples.count(("the", "time", "traveller")) == 59
    assert cut(data, Cuts()).spec.inputs.vocabulary == 28


def test_shakespeare_is_as_it_is(text_root):
    data = tiny_shakespeare(text_root, download=False)
    assert len(data.train) == 1_115_394 and data.train.text.startswith("First Citizen:\nBefore we proceed")
    assert cut(data, Cuts()).spec.inputs.vocabulary == 66


@pytest.mark.parametrize("builder", [time_machine, tiny_shakespeare])
def test_a_missing_file_is_named(builder, tmp_path):
    with pytest.raises(UserError, match=r"data\.download is false\); put \w+\.txt into"):
        builder(tmp_path, download=False)


def test_a_file_of_ones_own_is_taken_in_its_place(tmp_path):
    (tmp_path / "time_machine").mkdir()
    (tmp_path / "time_machine" / "timemachine.txt").write_text("The Time\n  Machine, by H.\n")
    data = time_machine(tmp_path, download=False, test=0.25)
    assert (data.train.text, data.test.text) == ("the time machine", " by h ")


def test_pythons_topics_are_there_without_a_file(tmp_path):
    data = python_docs(tmp_path, characters=200_000)
    assert (len(data.train), len(data.test)) == (180_000, 20_000)
    assert data.train.text.startswith('The "assert" statement\n\nAssert statements are a convenient way')
    assert data.train.text == python_docs(tmp_path).train.text[:180_000]


def test_the_clean_up_leaves_sentences():
    given = "Title\n*****\n\n\n\n   a  “b”  –  c’d\t…\n   x = 1 ** 2\n---\n"
    assert cleaned(given) == 'Title\n\na "b" - c\'d ...\nx = 1 ** 2\n'
