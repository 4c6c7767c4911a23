"""Digits with labels that mean nothing, which a network can only learn by heart (Zhang et al., 2017)."""

from dataclasses import replace
from pathlib import Path

import torch

from dl_runner.config.types import Fraction, Probability
from dl_runner.data.dataset import Data
from dl_runner.datasets.digits import digits


def random_labels(root: Path, *, share: Probability = 1.0, test: Fraction = 0.2, seed: int = 0) -> Data:
    """`digits`, some of whose training examples have a class drawn at random; the test split keeps its own.

    Source: Zhang, Bengio, Hardt, Recht, Vinyals, "Understanding deep learning requires rethinking generalization",
    2017, section 2.

    Args:
        root: not needed.
        share: of the training examples, each with probability `share`; a tenth of them draw the class that they had.
        test: share held out as the test split, stratified; 0 for none.
        seed: of that choice and of the labels, >= 0.

    Raises:
        UserError: as for `digits`.
    """
    data = digits(root, test=test, seed=seed)
    targets, generator = data.train.targets, torch.Generator().manual_seed(seed)
    drawn = torch.randint(data.spec.outputs, targets.shape, generator=generator)
    chosen = torch.rand(len(targets), generator=generator) < share
    return replace(data, train=replace(data.train, targets=torch.where(chosen, drawn, targets)))
