"""Brackets that open and close: whether a sequence is balanced, or which of its brackets have a partner.

The Dyck language (Chomsky and Schützenberger, 1963): ([]) is balanced, ([)] and (( are not. To tell, one remembers
what is still open. A partner may come later, so that labels of places need both directions.
"""

import random
from pathlib import Path
from typing import Annotated, Literal

import torch

from dl_runner.config.types import PositiveInt, Within
from dl_runner.data.dataset import Data
from dl_runner.data.fitted.symbols import PAD, Symbols
from dl_runner.data.splits import TensorSplit
from dl_runner.data.text import IGNORE
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Tokens

PAIRS = ("()", "[]", "{}")
CLASSES, LABELS = ("unbalanced", "balanced"), ("alone", "matched")


def brackets(
    root: Path,
    *,
    target: Literal["balanced", "matched"] = "balanced",
    kinds: Annotated[int, Within(1, 3)] = 2,
    longest: PositiveInt = 16,
    examples: PositiveInt = 4000,
    test_examples: PositiveInt = 1000,
    seed: int = 0,
) -> Data:
    """Half of the sequences are balanced, any of a length equally probable; the others are such with one bracket
    replaced, or two swapped.

    Args:
        root: not needed.
        target: a class for each sequence, or a label for each bracket: whether it has a partner.
        kinds: of brackets.
        longest: lengths are 2, 4, … up to this, each as frequent as another; even.
        examples: for training (and validation).
        test_examples: for the test split; the same ones whatever `examples` is. Short ones occur in both.
        seed: >= 0.

    Raises:
        UserError: `longest` is odd.
    """
    if longest % 2:
        raise UserError(f"data.longest={longest}: is odd, and balanced brackets come in pairs; use {longest + 1}")
    alphabet = Symbols("".join(PAIRS[:kinds]), LABELS if target == "matched" else ())

    def split(count: int, stream: int) -> TensorSplit:
        draw = random.Random(2 * seed + stream)
        texts = [_text(draw, kinds, longest, balanced=bool(place % 2)) for place in range(count)]
        inputs = torch.full((count, longest), PAD)
        tokens = alphabet.tokens(texts)
        inputs[:, : tokens.shape[1]] = tokens
        if target == "balanced":
            return TensorSplit(inputs, torch.tensor([all(matched(text)) for text in texts]).long())
        labels = [[int(one) for one in matched(text)] + [IGNORE] * (longest - len(text)) for text in texts]
        return TensorSplit(inputs, torch.tensor(labels), {"tokens": torch.tensor([len(text) for text in texts])})

    read = Tokens(2 * kinds + 1, longest, PAD)
    if target == "balanced":
        spec = DataSpec(read, Classes(CLASSES), "classification")
    else:
        spec = DataSpec(read, Tokens(len(LABELS), longest), "labelling")
    return Data(spec, train=split(examples, 0), test=split(test_examples, 1), fit=alphabet)


def matched(text: str) -> list[bool]:
    """Whether each bracket has a partner: a closing one is that of the newest open one, if of the same kind."""
    found, still_open = [False] * len(text), []
    for place, one in enumerate(text):
        if any(one == pair[0] for pair in PAIRS):
            still_open.append(place)
        elif still_open and text[still_open[-1]] + one in PAIRS:
            found[place] = found[still_open.pop()] = True
    return found


def _text(draw: random.Random, kinds: int, longest: int, balanced: bool) -> str:
    text = list(_balanced(draw, kinds, 2 * draw.randint(1, longest // 2)))
    while not balanced and all(matched("".join(text))):
        one, other = draw.randrange(len(text)), draw.randrange(len(text))
        if draw.random() < 0.5:
            text[one] = draw.choice("".join(PAIRS[:kinds]))
        else:
            text[one], text[other] = text[other], text[one]
    return "".join(text)


def _balanced(draw: random.Random, kinds: int, length: int) -> str:
    """One of all balanced sequences of a length, each equally probable."""
    text, still_open = "", []
    for left in range(length, 0, -1):
        depth = len(still_open)
        # The share of those that go on by opening, among all that end closed (the ballot numbers).
        if draw.random() < (depth + 2) * (left - depth) / (2 * left * (depth + 1)):
            still_open.append(draw.choice(PAIRS[:kinds]))
            text += still_open[-1][0]
        else:
            text += still_open.pop()[1]
    return text
