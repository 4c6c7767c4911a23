"""Softmax regression: p = softmax(Wx + b). The loss applies the softmax, the model returns the logits."""

import math

from torch import nn

from dl_runner.errors import UserError
from dl_runner.spec import DataSpec


def softmax(data: DataSpec) -> nn.Module:
    """One affine map from the flattened example to the logits; (batch, …) → (batch, classes).

    Raises:
        UserError: the data have no classes.
    """
    if data.task != "classification":
        raise UserError(f"model=softmax: needs classes, but the data's task is {data.task}; use model=linear")
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(data.input_shape), data.outputs))
