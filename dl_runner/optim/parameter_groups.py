"""Which parameters decay: the weights, never the biases or the scales and shifts of normalization layers."""

from torch import nn


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """The trainable parameters in two groups for an optimizer.

    A weight is a parameter with two or more dimensions: matrices, kernels, embeddings. Biases, normalization
    scales and other vectors are not decayed.

    Args:
        model: the built model; a parameter shared by two modules is taken once.
        weight_decay: λ >= 0, for the weights.

    Returns:
        [{"params", "weight_decay": λ}, {"params", "weight_decay": 0}], an empty group left out.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trainable if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trainable if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
