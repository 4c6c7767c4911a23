"""Soft penalties on the weights, added to the loss whose gradient makes the step.

    objective = loss + λ₂/2·‖w‖² + λ₁·‖w‖₁,    gradient = ∂loss/∂w + λ₂·w + λ₁·sign(w)

λ₂ shrinks every weight in proportion to itself (ridge; Hoerl and Kennard, 1970), λ₁ by the same amount, so that small
ones reach zero (lasso; Tibshirani, 1996). The loss that a run reports is without the penalty: curves of different λ
compare. The penalty is reported beside it, as `train/penalty`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Penalty = Callable[[], Tensor]


def weight_penalty(weights: Sequence[Tensor], *, l1: float, l2: float) -> Penalty | None:
    """The penalty of the weights as they are at each call, a differentiable scalar.

    Args:
        weights: what is penalized, at least one tensor unless both λ are 0.
        l1: λ₁ >= 0.
        l2: λ₂ >= 0.

    Returns:
        None where both are 0 or there is nothing to penalize.
    """
    if not weights or not (l1 or l2):
        return None

    def penalty() -> Tensor:
        squared = torch.stack([weight.square().sum() for weight in weights]).sum() if l2 else 0.0
        absolute = torch.stack([weight.abs().sum() for weight in weights]).sum() if l1 else 0.0
        return l2 / 2 * squared + l1 * absolute

    return penalty
