"""Optimizers whose step is written out in elementary tensor operations (`dl_runner.optim.scratch_steps`).

Builders as in `dl_runner.optim.optimizers`: torch is imported when one is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dl_runner.config.types import Fraction, OpenFraction, Positive

if TYPE_CHECKING:
    from torch.optim import Optimizer


def sgd_scratch(groups: list[dict], *, lr: Positive = 0.1) -> Optimizer:
    """Stochastic gradient descent, written out."""
    from dl_runner.optim.scratch_steps import ScratchSGD

    return ScratchSGD(groups, lr=lr)


def momentum_scratch(groups: list[dict], *, lr: Positive = 0.05, momentum: OpenFraction = 0.9) -> Optimizer:
    """SGD with heavy-ball momentum, written out."""
    from dl_runner.optim.scratch_steps import ScratchMomentum

    return ScratchMomentum(groups, lr=lr, momentum=momentum)


def adam_scratch(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam (Kingma and Ba, 2015), written out."""
    from dl_runner.optim.scratch_steps import ScratchAdam

    return ScratchAdam(groups, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
