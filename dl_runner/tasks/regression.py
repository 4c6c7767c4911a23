"""One or more real numbers per example."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dl_runner.config.types import Positive
from dl_runner.data.batch import Batch, call
from dl_runner.errors import RunFailed, UserError
from dl_runner.spec import DataSpec, Numbers
from dl_runner.tasks.loss import Loss
from dl_runner.tasks.predicting import Row, ask, read_inputs
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision

METRICS = ("loss", "rmse", "mae")


class _Scale:
    """What a model learns of a target: the target itself or its logarithm, as it is or standardized.

    Args:
        log: whether it is the logarithm.
        mean, std: subtracted, then divided by; one of each for every number.
    """

    def __init__(self, log: bool, mean: Sequence[float], std: Sequence[float]) -> None:
        self.log = log
        self._plain = all(one == 0 for one in mean) and all(one == 1 for one in std)
        self._moments = torch.tensor([mean, std], dtype=torch.float64)
        self._moved: dict[tuple[torch.device, torch.dtype], Tensor] = {}  # copied to a device once, not in every step

    def of(self, targets: Tensor) -> Tensor:
        """(batch, numbers) in the targets' unit → what the model learns."""
        targets = targets.log() if self.log else targets
        if self._plain:
            return targets
        mean, std = self._moments_like(targets)
        return (targets - mean) / std

    def back(self, outputs: Tensor) -> Tensor:
        """What a model gives → the targets' unit."""
        if not self._plain:
            mean, std = self._moments_like(outputs)
            outputs = outputs * std + mean
        return outputs.exp() if self.log else outputs

    def log_back(self, outputs: Tensor, floor: float) -> Tensor:
        """What a model gives → the logarithms of the targets' unit, finite even where their exponentials are not;
        where the model gives no logarithms, those of predictions below the floor are the floor's."""
        if not self.log:
            return self.back(outputs).clamp(min=floor).log()
        if self._plain:
            return outputs
        mean, std = self._moments_like(outputs)
        return outputs * std + mean

    def _moments_like(self, values: Tensor) -> Tensor:
        key = values.device, values.dtype
        if key not in self._moved:
            self._moved[key] = self._moments.to(values)
        return self._moved[key]


class _Regression:
    def __init__(
        self, data: DataSpec, loss: Loss, scale: _Scale, choose: str, logs: bool, floor: float, fitted: Any
    ) -> None:
        self.data, self.loss, self.fitted = data, loss, fitted
        self._scale, self._logs, self._floor = scale, logs, floor
        names = [*METRICS, *(["log_rmse"] if logs else [])]
        self.metrics = tuple(Metric(name) for name in sorted(names, key=lambda name: name != choose))

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        outputs, targets = full_precision(call(model, batch.inputs)), batch.targets  # (batch, numbers) both
        loss = self.loss(outputs, self._scale.of(targets))
        predictions = self._scale.back(outputs.detach())
        error = predictions - targets
        sums = {"loss": loss.detach() * len(batch), "squared": error.square().sum(), "absolute": error.abs().sum()}
        if self._logs:
            ratio = self._scale.log_back(outputs.detach(), self._floor) - targets.log()
            sums |= {"squared_log": ratio.square().sum(), "not_positive": (targets <= 0).sum()}
        return batch.weighted(loss), sums

    def predictions(self, outputs: Tensor) -> Tensor:
        """What the model gives, in the targets' unit."""
        return self._scale.back(outputs)

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        numbers = sums["examples"] * self.data.outputs
        metrics = {
            "loss": float(sums["loss"]) / sums["examples"],
            "rmse": math.sqrt(float(sums["squared"]) / numbers),
            "mae": float(sums["absolute"]) / numbers,
        }
        if self._logs:
            if sums["not_positive"]:
                raise RunFailed(f"log_rmse: {int(sums['not_positive'])} targets are not above 0 and have no logarithm")
            metrics["log_rmse"] = math.sqrt(float(sums["squared_log"]) / numbers)
        return metrics

    def check_targets(self, split: str, targets: Tensor) -> None:
        """Targets (n, numbers) of a split have the logarithms that are learnt or measured.

        Raises:
            UserError: one is not above 0, or below what counts as the smallest prediction.
        """
        if not self._logs or not len(targets):
            return
        least = float(targets.min())
        key = "task.target=log" if self._scale.log else "task.choose=log_rmse"
        if least <= 0:
            count = int((targets <= 0).sum())
            raise UserError(
                f"{key}: the {split} split has a target of {least:g}, which has no logarithm ({count:,} of "
                f"{targets.numel():,} are not above 0); leave such rows out, or use "
                f"{'task.target=linear' if self._scale.log else 'task.choose=rmse'}"
            )
        if not self._scale.log and least < self._floor:
            raise UserError(
                f"task.floor={self._floor:g}: the {split} split has a target of {least:g}, below the smallest value "
                f"that a prediction may count as in log_rmse; set task.floor={_below(least):g}"
            )

    def answers(self, model: nn.Module, batch: Batch) -> list[Row]:
        """The numbers of each example and those that the model gives, in the targets' unit."""
        values = self._scale.back(full_precision(call(model, batch.inputs))).cpu()
        truths = batch.targets.reshape(values.shape).cpu()
        several = range(1, values.shape[1] + 1) if values.shape[1] > 1 else [""]
        names = [f"{kind} {place}".rstrip() for place in several for kind in ("truth", "prediction")]
        pairs = torch.stack([truths, values], 2).flatten(1)  # (batch, 2 · outputs)
        return [dict(zip(names, row, strict=True)) for row in pairs.tolist()]

    def predict(self, model: nn.Module, inputs: Sequence[str]) -> list[Row]:
        """The numbers that the model gives, in the targets' unit.

        Raises:
            UserError: a file that is no table of the right columns, or no picture.
        """
        asked = read_inputs(inputs, self.data, self.fitted)
        values = self._scale.back(ask(model, asked, self.data).float())
        name = getattr(self.fitted, "target", "prediction")
        names = [name] if self.data.outputs == 1 else [f"{name} {place}" for place in range(1, self.data.outputs + 1)]
        return [
            named | dict(zip(names, row, strict=True)) for named, row in zip(asked.rows, values.tolist(), strict=True)
        ]


def _below(value: float) -> float:
    """The power of ten at or below a number above 0."""
    return 10.0 ** math.floor(math.log10(value))


def regression(
    data: DataSpec,
    loss: Loss,
    fitted: Any = None,
    *,
    target: Literal["linear", "log"] = "linear",
    standardize: bool = False,
    choose: Literal["loss", "rmse", "mae", "log_rmse"] | None = None,
    floor: Positive = 1.0,
) -> Task:
    """Reports the mean loss and, in the targets' unit, the root mean squared and the mean absolute error.

    Args:
        fitted: what was fitted to the data, which reads a user's table.
        target: "log": the model gives natural logarithms, the loss is theirs, and `log_rmse` is reported, the root mean
            squared error of the logarithms.
        standardize: the model gives what it gives with the mean of the training targets subtracted, in deviations.
        choose: the metric that chooses the best weights; log_rmse may be had for linear targets too. None: log_rmse for
            log targets, else the loss.
        floor: in `log_rmse` for linear targets, predictions below it count as so much; no target may be below it.

    Raises:
        UserError: the data's targets are no numbers, or have no logarithms.
    """
    require_targets(data, "regression", Numbers)
    log, kind = target == "log", data.targets
    if log and kind.log_mean is None:
        raise UserError("task.target=log: a training target is not above 0, or all are unknown; use task.target=linear")
    mean, std = (0.0,) * kind.size, (1.0,) * kind.size
    if standardize:
        mean, std = (kind.log_mean, kind.log_std) if log else (kind.mean, kind.std)
        if mean is None:
            raise UserError("task.standardize=true: the scale of the training targets is unknown; use false")
    choose = choose or ("log_rmse" if log else "loss")
    return _Regression(data, loss, _Scale(log, mean, std), choose, log or choose == "log_rmse", floor, fitted)
