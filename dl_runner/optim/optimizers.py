"""Optimizers by name; torch.optim's, with the parts of their signatures that an experiment sets.

Each builder takes the parameter groups and returns a torch optimizer. Weight decay is no parameter here: it comes
with the groups (`regularization.weight_decay`). torch is imported when one is built, so that a config is checked
against these signatures without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dl_runner.checks import Fraction, NonNegative, OpenFraction, Positive

if TYPE_CHECKING:
    from torch.optim import Optimizer


def sgd(groups: list[dict], *, lr: Positive = 0.1) -> Optimizer:
    """Stochastic gradient descent, w ← w − η·g."""
    from torch.optim import SGD

    return SGD(groups, lr=lr)


def momentum(
    groups: list[dict], *, lr: Positive = 0.05, momentum: OpenFraction = 0.9, nesterov: bool = False
) -> Optimizer:
    """SGD with heavy-ball or Nesterov momentum (Sutskever et al., 2013), v ← μ·v + g, w ← w − η·v, 0 < μ < 1."""
    from torch.optim import SGD

    return SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov)


def adam(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam (Kingma and Ba, 2015). Weight decay enters as an L2 penalty in the gradient."""
    from torch.optim import Adam

    return Adam(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def adamw(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""
    from torch.optim import AdamW

    return AdamW(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def nadam(
    groups: list[dict], *, lr: Positive = 2e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with Nesterov momentum (Dozat, 2016)."""
    from torch.optim import NAdam

    return NAdam(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def radam(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with a rectified variance of the adaptive rate (Liu et al., 2020)."""
    from torch.optim import RAdam

    return RAdam(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def adamax(
    groups: list[dict], *, lr: Positive = 2e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with the infinity norm (Kingma and Ba, 2015, section 7.1)."""
    from torch.optim import Adamax

    return Adamax(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def rmsprop(
    groups: list[dict],
    *,
    lr: Positive = 1e-2,
    alpha: Fraction = 0.99,
    momentum: Fraction = 0.0,
    centered: bool = False,
    eps: Positive = 1e-8,
) -> Optimizer:
    """RMSProp (Hinton, 2012), g over the root of a leaky average of g²."""
    from torch.optim import RMSprop

    return RMSprop(groups, lr=lr, alpha=alpha, momentum=momentum, centered=centered, eps=eps)


def adagrad(
    groups: list[dict], *, lr: Positive = 1e-2, lr_decay: NonNegative = 0.0, eps: Positive = 1e-10
) -> Optimizer:
    """Adagrad (Duchi et al., 2011), g over the root of the sum of g²."""
    from torch.optim import Adagrad

    return Adagrad(groups, lr=lr, lr_decay=lr_decay, eps=eps)


def adadelta(groups: list[dict], *, lr: Positive = 1.0, rho: Fraction = 0.9, eps: Positive = 1e-6) -> Optimizer:
    """Adadelta (Zeiler, 2012): leaky averages of g² and of the squared updates."""
    from torch.optim import Adadelta

    return Adadelta(groups, lr=lr, rho=rho, eps=eps)
