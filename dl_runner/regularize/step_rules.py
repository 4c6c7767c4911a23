"""What is done to the weights around each step of an optimizer, whichever optimizer it is.

    decoupled weight decay   w ← w − η·λ·w before the step (Loshchilov and Hutter, "Decoupled weight decay
                             regularization", 2019); Adam with it is AdamW
    max-norm                 ‖w_u‖ ≤ θ after the step, for the incoming weights w_u of every unit u: a row of a
                             matrix, a filter of a convolution (Srivastava et al., "Dropout", 2014, section 5.1)

The hard limit on a whole weight vector, ‖w‖² ≤ θ², is the max-norm of a layer with one output. Both are hooks of the
optimizer and hold no state, so a resumed run goes on exactly.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer


def decay_before_step(optimizer: Optimizer, weights: Sequence[Tensor], decay: float) -> None:
    """Multiply the weights by 1 − η·λ before every step, η being their group's learning rate at that step.

    Args:
        optimizer: whose steps.
        weights: those of its parameters that decay.
        decay: λ > 0.
    """
    chosen = {id(weight) for weight in weights}

    @torch.no_grad()
    def shrink(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        for group in optimizer.param_groups:
            # Without a gradient a parameter does not learn, or not yet, and stays as it is.
            learning = [parameter for parameter in group["params"] if parameter.grad is not None]
            if decayed := [parameter for parameter in learning if id(parameter) in chosen]:
                torch._foreach_mul_(decayed, 1 - group["lr"] * decay)

    optimizer.register_step_pre_hook(shrink)


def limit_after_step(optimizer: Optimizer, weights: Sequence[Tensor], limit: float) -> None:
    """Scale the incoming weights of each unit back to the norm `limit` after every step that takes them beyond.

    Args:
        optimizer: whose steps.
        weights: two or more dimensions each, the first counting the units.
        limit: θ > 0.
    """

    @torch.no_grad()
    def project(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        for weight in weights:
            if weight.grad is not None:
                weight.renorm_(p=2, dim=0, maxnorm=limit)

    optimizer.register_step_post_hook(project)
