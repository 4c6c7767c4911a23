"""Optimizers by name; torch.optim's, with the parts of their signatures that an experiment sets.

Each builder takes the parameter groups and returns a torch optimizer. Weight decay is no parameter here: it comes
with the groups (`regularization.weight_decay`). torch is imported when one is built, so that a config is checked
against these signatures without it. Where torch has a fused step, one kernel for all parameters, it is used.

Not here: LBFGS, whose step evaluates the loss several times; SparseAdam, for sparse gradients; Muon, which takes
matrices only and needs a second optimizer for kernels and biases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from dl_runner.config.types import Fraction, NonNegative, OpenFraction, Positive, Within

if TYPE_CHECKING:
    from torch.optim import Optimizer

_Negative = Annotated[float, Within(high=0, high_open=True)]
_AtLeastOne = Annotated[float, Within(low=1)]
_AboveOne = Annotated[float, Within(low=1, low_open=True)]


def sgd(groups: list[dict], *, lr: Positive = 0.1) -> Optimizer:
    """Stochastic gradient descent, w ← w − η·g."""
    from torch.optim import SGD

    from dl_runner.optim.eager import eager

    return eager(SGD)(groups, lr=lr, fused=True)


def momentum(
    groups: list[dict], *, lr: Positive = 0.05, momentum: OpenFraction = 0.9, nesterov: bool = False
) -> Optimizer:
    """SGD with heavy-ball or Nesterov momentum (Sutskever et al., 2013), v ← μ·v + g, w ← w − η·v, 0 < μ < 1."""
    from torch.optim import SGD

    from dl_runner.optim.eager import eager

    return eager(SGD)(groups, lr=lr, momentum=momentum, nesterov=nesterov, fused=True)


def adam(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam (Kingma and Ba, 2015). Weight decay enters as an L2 penalty in the gradient."""
    from torch.optim import Adam

    from dl_runner.optim.eager import eager

    return eager(Adam)(groups, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)


def adamw(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""
    from torch.optim import AdamW

    from dl_runner.optim.eager import eager

    return eager(AdamW)(groups, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)


def nadam(
    groups: list[dict], *, lr: Positive = 2e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with Nesterov momentum (Dozat, 2016)."""
    from torch.optim import NAdam

    from dl_runner.optim.eager import eager

    return eager(NAdam)(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def radam(
    groups: list[dict], *, lr: Positive = 1e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with a rectified variance of the adaptive rate (Liu et al., 2020)."""
    from torch.optim import RAdam

    from dl_runner.optim.eager import eager

    return eager(RAdam)(groups, lr=lr, betas=(beta1, beta2), eps=eps)


def adamax(
    groups: list[dict], *, lr: Positive = 2e-3, beta1: Fraction = 0.9, beta2: Fraction = 0.999, eps: Positive = 1e-8
) -> Optimizer:
    """Adam with the infinity norm (Kingma and Ba, 2015, section 7.1)."""
    from torch.optim import Adamax

    from dl_runner.optim.eager import eager

    return eager(Adamax)(groups, lr=lr, betas=(beta1, beta2), eps=eps)


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

    from dl_runner.optim.eager import eager

    return eager(RMSprop)(groups, lr=lr, alpha=alpha, momentum=momentum, centered=centered, eps=eps)


def adagrad(
    groups: list[dict], *, lr: Positive = 1e-2, lr_decay: NonNegative = 0.0, eps: Positive = 1e-10
) -> Optimizer:
    """Adagrad (Duchi et al., 2011), g over the root of the sum of g²."""
    from torch.optim import Adagrad

    from dl_runner.optim.eager import eager

    return eager(Adagrad)(groups, lr=lr, lr_decay=lr_decay, eps=eps, fused=True)


def adadelta(groups: list[dict], *, lr: Positive = 1.0, rho: Fraction = 0.9, eps: Positive = 1e-6) -> Optimizer:
    """Adadelta (Zeiler, 2012): leaky averages of g² and of the squared updates."""
    from torch.optim import Adadelta

    from dl_runner.optim.eager import eager

    return eager(Adadelta)(groups, lr=lr, rho=rho, eps=eps)


def adafactor(
    groups: list[dict], *, lr: Positive = 1e-2, beta2_decay: _Negative = -0.8, clip: _AtLeastOne = 1.0
) -> Optimizer:
    """Adafactor (Shazeer and Stern, 2018): Adam's second moments as row and column means, little memory for matrices.

    The step is min(lr, 1/√t) times the root mean square of the weights; `clip` bounds that of the update before it.
    Weight decay is decoupled.
    """
    from torch.optim import Adafactor

    from dl_runner.optim.eager import eager

    return eager(Adafactor)(groups, lr=lr, beta2_decay=beta2_decay, d=clip)


def asgd(
    groups: list[dict], *, lr: Positive = 1e-2, lambd: NonNegative = 1e-4, alpha: Positive = 0.75, t0: Positive = 1e6
) -> Optimizer:
    """SGD with the rate lr / (1 + λ·lr·t)^α of averaged SGD (Polyak and Juditsky, 1992).

    `lambd` also decays every parameter. Runs train and measure the current weights; torch keeps their average from
    step `t0` on in the optimizer's state ("ax").
    """
    from torch.optim import ASGD

    from dl_runner.optim.eager import eager

    return eager(ASGD)(groups, lr=lr, lambd=lambd, alpha=alpha, t0=t0)


def rprop(
    groups: list[dict],
    *,
    lr: Positive = 1e-2,
    shrink: OpenFraction = 0.5,
    grow: _AboveOne = 1.2,
    smallest: Positive = 1e-6,
    largest: Positive = 50.0,
) -> Optimizer:
    """Rprop (Riedmiller and Braun, 1993): a step size per weight that grows while its gradient keeps its sign.

    For whole-data batches; `lr` is the first step size and no later one, so a schedule has no effect. It has no weight
    decay of its own.
    """
    from torch.optim import Rprop

    from dl_runner.optim.eager import eager

    return eager(Rprop)(groups, lr=lr, etas=(shrink, grow), step_sizes=(smallest, largest))
