"""The copy task: remember some symbols, wait, and say them again.

    reads   b d a . . . . . ? ? ?
    says                    b d a

What it takes is memory alone: nothing between the symbols and the question helps (Hochreiter and Schmidhuber, 1997;
Arjovsky et al., 2016, section 4.1).
"""

from pathlib import Path
from typing import Annotated

import torch

from dl_runner.config.types import CountInt, PositiveInt, Within
from dl_runner.data.dataset import Data
from dl_runner.data.fitted.symbols import Symbols
from dl_runner.data.splits import TensorSplit
from dl_runner.data.text import IGNORE
from dl_runner.spec import DataSpec, Tokens

WAIT, ASK = ".", "?"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def copy_task(
    root: Path,
    *,
    items: PositiveInt = 3,
    symbols: Annotated[int, Within(2, 26)] = 4,
    delay: CountInt = 20,
    examples: PositiveInt = 2000,
    test_examples: PositiveInt = 500,
    seed: int = 0,
) -> Data:
    """Sequences of `items` symbols, `delay` times `.`, and `items` times `?`, where the targets are the symbols.

    A guess is right one time in `symbols`.

    Args:
        root: not needed.
        items: symbols to remember.
        symbols: how many different ones there are, equally probable.
        delay: places between the last symbol and the first question.
        examples: for training (and validation).
        test_examples: for the test split; the same ones whatever `examples` is.
        seed: >= 0.
    """
    characters = LETTERS[:symbols] + WAIT + ASK
    length = 2 * items + delay

    def split(count: int, stream: int) -> TensorSplit:
        generator = torch.Generator().manual_seed(2 * seed + stream)
        asked = torch.randint(1, symbols + 1, (count, items), generator=generator)
        number = {one: characters.index(one) + 1 for one in (WAIT, ASK)}
        rest = torch.tensor([number[WAIT]] * delay + [number[ASK]] * items).expand(count, -1)
        targets = torch.cat([torch.full((count, length - items), IGNORE), asked], 1)
        return TensorSplit(torch.cat([asked, rest], 1), targets, {"tokens": torch.full((count,), items)})

    tokens = Tokens(len(characters) + 1, length)
    fitted = Symbols(characters, ("", *characters))
    spec = DataSpec(tokens, tokens, "labelling")
    return Data(spec, train=split(examples, 0), test=split(test_examples, 1), fit=fitted)
