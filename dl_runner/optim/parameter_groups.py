"""Which parameters are regularized: the weights, never the biases or the scales and shifts of normalization layers."""

from torch import Tensor, nn


def weights(model: nn.Module) -> list[Tensor]:
    """The trainable parameters with two or more dimensions: matrices, kernels, embeddings; a shared one once."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.ndim >= 2]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """The trainable parameters in groups for an optimizer; each group costs a step of its own.

    Args:
        model: the built model; a parameter shared by two modules is taken once.
        weight_decay: λ >= 0, for the weights; biases, normalization scales and other vectors are not decayed.

    Returns:
        [{"params", "weight_decay": λ}, {"params", "weight_decay": 0}], an empty group left out; one group if λ is 0.
    """
    if not weight_decay:
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return [{"params": trainable, "weight_decay": 0.0}] if trainable else []
    others = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.ndim < 2]
    groups = [
        {"params": weights(model), "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
