"""Parameters that do not learn, or not before some step.

A group with rate 0 gets no gradients at all. One that begins to learn later is a function of the step, with no state
to save: until then its gradients are dropped before the optimizer sees them, so that neither momentum nor weight
decay moves it. Normalization layers of a group that does not learn use their running statistics and leave them as
they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from dl_runner.config.durations import Horizon
from dl_runner.config.groups import GroupConfig
from dl_runner.optim.parameter_groups import matched


@dataclass(frozen=True)
class _Group:
    parameters: Sequence[Tensor]
    norms: Sequence[nn.Module]
    start: int | None  # None: never

    def frozen(self, step: int) -> bool:
        return self.start is None or step < self.start


def freeze(model: nn.Module, groups: Sequence[GroupConfig]) -> None:
    """Take the parameters of groups with rate 0 out of differentiation; before the model is shared out to processes.

    Raises:
        UserError: a group that matches no parameter.
    """
    for group, parameters in zip(groups, matched(model, groups), strict=True):
        for parameter in parameters if group.rate == 0 else []:
            parameter.requires_grad_(False)


class Frozen:
    """The groups that do not learn all the time.

    Args:
        model: as it is trained, after it was shared out to processes.
        groups: of the config.

    Raises:
        UserError: a group that matches no parameter.
    """

    def __init__(self, model: nn.Module, groups: Sequence[GroupConfig], horizon: Horizon) -> None:
        self._groups = []
        norms = [(name, module) for name, module in model.named_modules() if isinstance(module, _NormBase)]
        for place, (group, parameters) in enumerate(zip(groups, matched(model, groups), strict=True)):
            if group.rate and group.start is None:
                continue
            mine = [module for name, module in norms if _first_match(f"{name}.weight", groups) == place]
            start = group.start.steps(horizon.steps_per_epoch) if group.start else None
            self._groups.append(_Group(parameters, mine, start))

    def __bool__(self) -> bool:
        return bool(self._groups)

    def prepare(self, step: int) -> None:
        """Call before the passes of a step: sets the mode of the normalization layers."""
        for group in self._groups:
            for norm in group.norms:
                if norm.training == group.frozen(step):
                    norm.train(not group.frozen(step))

    def drop_gradients(self, step: int) -> None:
        """Call after the passes of a step."""
        for group in self._groups:
            if group.start is not None and group.frozen(step):
                for parameter in group.parameters:
                    parameter.grad = None


def _first_match(name: str, groups: Sequence[GroupConfig]) -> int | None:
    return next((place for place, group in enumerate(groups) if fnmatchcase(name, group.match)), None)
