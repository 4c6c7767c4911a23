"""The digits of some classes: the first five, say, to learn before the last five."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch

from dl_runner.config.types import Fraction, Within
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.datasets.digits import digits
from dl_runner.errors import UserError
from dl_runner.spec import Classes

Digit = Annotated[int, Within(low=0, high=9)]


def some_digits(root: Path, *, classes: list[Digit] = (0, 1, 2, 3, 4), test: Fraction = 0.2, seed: int = 0) -> Data:
    """`digits` of some classes: uint8 (n, 1, 8, 8), labels 0, 1, … in the order of `classes`.

    Args:
        root: not needed.
        classes: the digits, two or more.
        test: share held out as the test split, stratified; 0 for none.
        seed: of that choice, >= 0.

    Raises:
        UserError: fewer classes, or one of them twice; and as for `digits`.
    """
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise UserError(f"data.classes={list(classes)}: needs two digits or more, each once")
    data = digits(root, test=test, seed=seed)
    spec = replace(data.spec, targets=Classes(tuple(str(digit) for digit in classes)))
    return replace(data, spec=spec, train=_of(data.train, classes), test=data.test and _of(data.test, classes))


def _of(split: TensorSplit, classes: list[int]) -> TensorSplit:
    numbers = torch.full((10,), -1)
    numbers[torch.tensor(classes)] = torch.arange(len(classes))
    targets = numbers[split.targets]
    return TensorSplit(split.inputs[targets >= 0], targets[targets >= 0])
