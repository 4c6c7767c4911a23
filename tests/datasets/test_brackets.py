"""Brackets: what is balanced, who is whose partner, and how many there are of each."""

from itertools import product
from math import comb
from pathlib import Path

import pytest
import torch

from dl_runner.data.fitted.symbols import Symbols, symbols
from dl_runner.data.text import IGNORE
from dl_runner.datasets.brackets import brackets, matched
from dl_runner.errors import UserError

NOWHERE = Path("/nonexistent")


def balanced(text: str) -> bool:
    """By another rule: neighbours that fit are taken out until none are left."""
    while text != (text := text.replace("()", "").replace("[]", "").replace("{}", "")):
        pass
    return not text


def texts(split) -> list[str]:
    return ["".join("()[]{}"[token - 1] for token in row if token) for row in split.inputs.tolist()]


def test_the_rule_is_right_for_all_short_sequences():
    for length in range(7):
        for text in map("".join, product("()[]", repeat=length)):
            assert all(matched(text)) == balanced(text), text
    assert matched("([)(") == [False] * 4 and matched("(()") == [False, True, True]


@pytest.mark.parametrize("kinds", [1, 3])
def test_classes_are_true_and_equally_frequent(kinds):
    data = brackets(NOWHERE, kinds=kinds, longest=6, examples=600, test_examples=100)
    split = data.train
    assert split.targets.tolist() == [balanced(text) for text in texts(split)] and split.targets.sum() == 300
    lengths = (split.inputs != 0).sum(1)
    assert set(lengths.tolist()) == {2, 4, 6} and all((lengths == size).sum() > 150 for size in (2, 4, 6))
    if kinds == 1:  # Catalan numbers: all of them occur
        found = {text for text, label in zip(texts(split), split.targets, strict=True) if label}
        assert len(found) == sum(comb(2 * n, n) // (n + 1) for n in (1, 2, 3))


def test_labels_say_who_has_a_partner():
    data = brackets(NOWHERE, target="matched", examples=50, longest=8)
    for text, labels, tokens in zip(texts(data.train), data.train.targets, data.train.counts["tokens"], strict=True):
        assert len(text) == tokens and labels[:tokens].tolist() == matched(text)
        assert (labels[tokens:] == IGNORE).all()
    assert torch.equal(data.test.inputs, brackets(NOWHERE, examples=9, longest=8).test.inputs)
    with pytest.raises(UserError, match=r"data\.longest=7: is odd"):
        brackets(NOWHERE, longest=7)


def test_a_users_text_is_read_as_the_data_were():
    alphabet = brackets(NOWHERE, target="matched", kinds=1, examples=2, test_examples=2).fit
    again = symbols(alphabet.state_dict())
    assert again == alphabet == Symbols("()", ("alone", "matched"))
    assert again.read_texts(["()", "("]).tolist() == [[1, 2], [1, 0]]
    for text, message in (("(a", "has 'a', and the model knows"), ("", "a text is empty")):
        with pytest.raises(UserError, match=message):
            again.read_texts([text])
