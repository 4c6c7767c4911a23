"""Perceptron (Rosenblatt, 1958): two classes, told apart by the sign of one score s = ⟨w, x⟩ + b.

The model returns the logits (0, s). Their difference is the score, so the largest logit is class 1 where s > 0 and
class 0 otherwise, and with y = ±1 for the two classes y · (logit 1 − logit 0) is the margin y(⟨w, x⟩ + b) of the
perceptron's loss. Cross-entropy on the same logits is logistic regression.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.layers.shapes import flat_size, require_classes
from dl_runner.spec import DataSpec


class ZeroAndScore(nn.Module):
    """The logits of two classes from one score; (batch, 1) → (batch, 2)."""

    def forward(self, score: Tensor) -> Tensor:
        return F.pad(score, (1, 0))


def perceptron(data: DataSpec) -> nn.Module:
    """(batch, …) → (batch, 2); one weight per feature and one bias.

    Raises:
        UserError: the data have no classes, or not two.
    """
    require_classes(data, "perceptron", instead="linear")
    if data.outputs != 2:
        raise UserError(f"model=perceptron: needs two classes, but the data have {data.outputs}; use model=softmax")
    return nn.Sequential(nn.Flatten(), nn.Linear(flat_size(data, "perceptron"), 1), ZeroAndScore())
