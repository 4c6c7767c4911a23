"""Polynomial regression: ŷ = Σᵢ wᵢ xⁱ / i!, i = 0 … degree.

The division by i! keeps the features of a high power from dwarfing the others, as in Dive into Deep Learning. The
feature x⁰ = 1 is the column of ones of the closed-form solution: its weight is the bias, so the linear layer has none
of its own, and the weights are the coefficients of the polynomial, one for one.
"""

import torch
from torch import Tensor, nn

from dl_runner.config.types import PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.shapes import require_one_answer, shown
from dl_runner.spec import DataSpec, Vector


class Powers(nn.Module):
    """The features xⁱ / i! of a number; (batch, 1) → (batch, degree + 1)."""

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.degree = degree

    def forward(self, x: Tensor) -> Tensor:
        # A running product of x/1, x/2, x/3, …: neither the power nor the factorial can overflow by itself.
        factors = x / torch.arange(1, self.degree + 1, device=x.device)
        return torch.cat([torch.ones_like(x), factors.cumprod(dim=1)], dim=1)


def polynomial(data: DataSpec, *, degree: PositiveInt = 3) -> nn.Module:
    """(batch, 1) → (batch, outputs).

    Args:
        degree: the highest power; too low underfits, too high for the number of examples overfits.

    Raises:
        UserError: an example is not a single number with one answer.
    """
    if not isinstance(data.inputs, Vector) or data.inputs.size != 1:
        raise UserError(
            f"model=polynomial: needs vectors of one feature, but one example of the data is {shown(data.inputs)}; "
            "use model=linear"
        )
    require_one_answer(data, "polynomial")
    return nn.Sequential(Powers(degree), nn.Linear(degree + 1, data.outputs, bias=False))
