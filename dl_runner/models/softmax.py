"""Softmax regression: p = softmax(Wx + b). The loss applies the softmax, the model returns the logits."""

from torch import nn

from dl_runner.layers.shapes import flat_size, require_classes
from dl_runner.spec import DataSpec


def softmax(data: DataSpec) -> nn.Module:
    """One affine map from the flattened example to the logits; (batch, …) → (batch, classes).

    Raises:
        UserError: the data have no classes.
    """
    require_classes(data, "softmax", instead="linear")
    return nn.Sequential(nn.Flatten(), nn.Linear(flat_size(data, "softmax"), data.outputs))
