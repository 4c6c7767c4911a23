"""Which parameters are regularized, and at which rates they learn.

Weights are regularized, never the biases or the scales and shifts of normalization layers.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import Tensor, nn

from dl_runner.config.groups import GroupConfig
from dl_runner.errors import UserError, hint


def weights(model: nn.Module) -> list[Tensor]:
    """The trainable parameters with two or more dimensions: matrices, kernels, embeddings; a shared one once."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.ndim >= 2]


def matched(model: nn.Module, groups: Sequence[GroupConfig]) -> list[list[Tensor]]:
    """The parameters of each group, each in the first group that matches its name.

    Raises:
        UserError: a group without any.
    """
    found: list[list[Tensor]] = [[] for _ in groups]
    names: dict[Tensor, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):  # a shared one by any of its names
        names.setdefault(parameter, []).append(name)
    for parameter, own in names.items():
        hits = (place for place, group in enumerate(groups) if any(fnmatchcase(name, group.match) for name in own))
        place = next(hits, None)
        if place is not None:
            found[place].append(parameter)
    for group, parameters in zip(groups, found, strict=True):
        if not parameters:
            every = [name for name, _ in model.named_parameters()]
            raise UserError(
                f"groups: match={group.match} has no parameter of the model of its own{hint(group.match, every[:40])}"
            )
    return found


def parameter_groups(
    model: nn.Module, weight_decay: float, lr: float = 0.0, groups: Sequence[GroupConfig] = ()
) -> list[dict]:
    """The trainable parameters in groups for an optimizer; each group costs a step of its own.

    Args:
        model: the built model; a parameter shared by two modules is taken once.
        weight_decay: λ >= 0, for the weights; biases, normalization scales and other vectors are not decayed.
        lr: the optimizer's learning rate, where there are `groups`.
        groups: parameters whose rate is another; the others come first.

    Returns:
        [{"params", "weight_decay": λ}, {"params", "weight_decay": 0}], an empty group left out; one group if λ is 0;
        and likewise for each of `groups`, with its "lr".

    Raises:
        UserError: no parameter belongs to one of `groups`.
    """
    members = matched(model, groups)
    taken = {id(parameter) for parameters in members for parameter in parameters}
    others = [parameter for parameter in model.parameters() if id(parameter) not in taken]
    found = _by_decay(others, weight_decay)
    for group, parameters in zip(groups, members, strict=True):
        found += [{**one, "lr": lr * group.rate} for one in _by_decay(parameters, weight_decay)]
    return found


def _by_decay(parameters: Sequence[Tensor], weight_decay: float) -> list[dict]:
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    if not weight_decay:
        return [{"params": trainable, "weight_decay": 0.0}] if trainable else []
    decayed = [parameter for parameter in trainable if parameter.ndim >= 2]
    kept = [parameter for parameter in trainable if parameter.ndim < 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
