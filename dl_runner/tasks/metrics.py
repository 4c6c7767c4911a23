"""Metrics that any task of their targets may have beside its own: `metric=f1`, `metric=[top_k,auc]`.

Each builder takes what the data are and the name under which it is reported. `tests/tasks/test_metrics.py` holds them
to scikit-learn's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from dl_runner.config.types import PositiveInt
from dl_runner.data.batch import Batch
from dl_runner.spec import Classes, DataSpec, Numbers
from dl_runner.tasks.measured import Collector, Extra
from dl_runner.tasks.targets import require_for_metric
from dl_runner.tasks.task import Metric, Sums

Average = Literal["macro", "micro", "weighted"]


def _counts(labels: Tensor, classes: int) -> Tensor:
    """How often each class comes: int64 (classes,), on the device, without waiting for it."""
    return torch.zeros(classes, dtype=torch.int64, device=labels.device).index_add_(0, labels, torch.ones_like(labels))


@dataclass(frozen=True)
class _ByClass:
    """What follows from the counts of each class: of its examples, of the guesses, of those that are right."""

    classes: int

    def sums(self, outputs: Tensor, batch: Batch) -> Sums:
        labels, guesses = batch.targets, outputs.argmax(1)
        right = torch.zeros(self.classes, dtype=torch.int64, device=labels.device)
        right.index_add_(0, labels, (guesses == labels).long())
        return {"true": _counts(labels, self.classes), "guessed": _counts(guesses, self.classes), "right": right}


@dataclass(frozen=True)
class _F1(_ByClass):
    average: Average
    metrics: tuple[Metric, ...]

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        true, guessed, right = (sums[name].double() for name in ("true", "guessed", "right"))
        if self.average == "micro":
            return {self.metrics[0].name: float(right.sum() / true.sum().clamp(min=1))}
        there = true + guessed
        scores = 2 * right / there.clamp(min=1)  # 2 · precision · recall / (precision + recall)
        weights = true if self.average == "weighted" else (there > 0).double()
        return {self.metrics[0].name: float((scores * weights).sum() / weights.sum().clamp(min=1))}


def f1(data: DataSpec, title: str, *, average: Average = "macro") -> Extra:
    """The F1 score of classes, the harmonic mean of precision and recall (van Rijsbergen, 1979).

    Args:
        average: "macro", the mean over the classes that occur or are guessed; "weighted", by their examples; "micro",
            of all examples together, which is the accuracy.

    Raises:
        UserError: the targets are no classes.
    """
    require_for_metric(data, title, Classes)
    return _F1(data.outputs, average, (Metric(title, "max", "fraction"),))


@dataclass(frozen=True)
class _ClassAccuracy(_ByClass):
    metrics: tuple[Metric, ...]

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        shares = sums["right"].double() / sums["true"].double()  # NaN for a class without an example
        return {
            metric.name: share for metric, share in zip(self.metrics, shares.tolist(), strict=True) if share == share
        }


def class_accuracy(data: DataSpec, title: str) -> Extra:
    """The accuracy of each class by itself, its recall, as accuracy_CLASS; a class without examples has none.

    Raises:
        UserError: the targets are no classes.
    """
    require_for_metric(data, title, Classes)
    names = (f"accuracy_{name}".replace("/", "_") for name in data.classes)
    return _ClassAccuracy(data.outputs, tuple(Metric(name, "max", "fraction", detail=True) for name in names))


@dataclass(frozen=True)
class _TopK:
    k: int
    metrics: tuple[Metric, ...]

    def sums(self, outputs: Tensor, batch: Batch) -> Sums:
        labels = batch.targets.unsqueeze(1)
        own, places = outputs.gather(1, labels), torch.arange(outputs.shape[1], device=outputs.device)
        # Of equal logits those of later classes come first, as in scikit-learn: the result depends on no device.
        before = (outputs > own) | ((outputs == own) & (places > labels))
        return {"hits": (before.sum(1) < self.k).sum()}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        return {self.metrics[0].name: float(sums["hits"]) / sums["examples"]}


def top_k(data: DataSpec, title: str, *, k: PositiveInt = 5) -> Extra:
    """The share of the examples whose class is among the k with the largest logits.

    Raises:
        UserError: the targets are no classes.
    """
    require_for_metric(data, title, Classes)
    return _TopK(k, (Metric(title, "max", "fraction"),))


@dataclass(frozen=True)
class _Calibration:
    bins: int
    metrics: tuple[Metric, ...]

    def sums(self, outputs: Tensor, batch: Batch) -> Sums:
        shares, guesses = outputs.double().softmax(1).max(1)
        bins = (shares * self.bins).ceil().long().clamp(1, self.bins) - 1  # (low, high], as in the paper
        zeros = torch.zeros(2, self.bins, dtype=torch.float64, device=outputs.device)
        right = (guesses == batch.targets).double()
        return {"bins": zeros.index_add_(1, bins, torch.stack([right, shares]))}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        right, shares = sums["bins"]
        return {self.metrics[0].name: float((right - shares).abs().sum()) / sums["examples"]}


def calibration_error(data: DataSpec, title: str, *, bins: PositiveInt = 15) -> Extra:
    """Expected calibration error: how far the probabilities are from the shares that are right (Guo et al., 2017).

    Σ |B| / n · |accuracy(B) − confidence(B)| over the bins B of the probability of the most probable class ("On
    calibration of modern neural networks", equation 5).

    Args:
        bins: of equal width.

    Raises:
        UserError: the targets are no classes.
    """
    require_for_metric(data, title, Classes)
    return _Calibration(bins, (Metric(title, "min"),))


@dataclass
class _Scores:
    """Probabilities and labels of all examples."""

    name: str
    scores: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)

    def take(self, outputs: Tensor, batch: Batch) -> None:
        self.scores.append(outputs.double().softmax(1).cpu())
        self.labels.append(batch.targets.cpu())

    def merge(self, other: "_Scores") -> None:
        self.scores += other.scores
        self.labels += other.labels

    def compute(self) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        scores, labels = torch.cat(self.scores).numpy(), torch.cat(self.labels).numpy()
        classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
        there = [one for one in classes if 0 < (labels == one).sum() < len(labels)]
        found = [float(roc_auc_score(labels == one, scores[:, one])) for one in there]
        return {self.name: sum(found) / len(found) if found else float("nan")}


@dataclass(frozen=True)
class _Auc:
    metrics: tuple[Metric, ...]

    def collector(self) -> Collector:
        return _Scores(self.metrics[0].name)


def auc(data: DataSpec, title: str) -> Extra:
    """The area under the ROC curve (Fawcett, 2006).

    It is how probable it is that an example of a class gets a larger probability for it than one of the rest; of more
    than two classes the mean over those that occur, and NaN where there is but one.

    It is no sum, so the split is read once more for it, at `trainer.meter_every`.

    Raises:
        UserError: the targets are no classes.
    """
    require_for_metric(data, title, Classes)
    return _Auc((Metric(title, "max", "fraction"),))


@dataclass(frozen=True)
class _R2:
    metrics: tuple[Metric, ...]

    def sums(self, outputs: Tensor, batch: Batch) -> Sums:
        targets, error = batch.targets.double(), (outputs - batch.targets).double()
        return {"error": error.square().sum(0), "sum": targets.sum(0), "squares": targets.square().sum(0)}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        variance = sums["squares"] - sums["sum"].square() / sums["examples"]
        return {self.metrics[0].name: float((1 - sums["error"] / variance).mean())}


def r2(data: DataSpec, title: str) -> Extra:
    """The coefficient of determination: the share of the variance of numbers that is explained.

    1 − Σ (y − ŷ)² / Σ (y − ȳ)², in the targets' unit; the mean over several numbers.

    Raises:
        UserError: the targets are no numbers.
    """
    require_for_metric(data, title, Numbers)
    return _R2((Metric(title, "max"),))
