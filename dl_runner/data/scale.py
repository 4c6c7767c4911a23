"""The scale of targets that are numbers: mean and deviation of those of the training split, and of their logarithms."""

from dataclasses import replace

from torch import Tensor

from dl_runner.data.splits import Split
from dl_runner.spec import DataSpec, Numbers


def measured(spec: DataSpec, train: Split) -> DataSpec:
    """The spec with the scale of the training targets, if these are numbers in memory.

    A deviation of 0, that of equal numbers, is given as 1.
    """
    targets = getattr(train, "targets", None)
    if not isinstance(spec.targets, Numbers) or not isinstance(targets, Tensor) or not len(targets):
        return spec
    targets = targets.double().reshape(len(targets), -1)  # (n, numbers)
    mean, std = _moments(targets)
    logs = _moments(targets.log()) if bool((targets > 0).all()) else (None, None)
    return replace(spec, targets=replace(spec.targets, mean=mean, std=std, log_mean=logs[0], log_std=logs[1]))


def _moments(values: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    deviations = values.std(0, correction=0).masked_fill(values.amax(0) == values.amin(0), 1.0)
    return tuple(values.mean(0).tolist()), tuple(deviations.tolist())
