"""A task with metrics beside its own, or with another one that chooses the weights."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from dl_runner.data.batch import Batch
from dl_runner.errors import UserError, hint
from dl_runner.tasks.task import Meter, Metric, Sums, Task, full_precision

SPLIT = "validation/"


class Extra(Protocol):
    """One or more metrics of what a model gives, whatever the task. They are sums over the examples, in which case it
    has `sums` and `report`, or they are not, in which case it has `collector`.

    Attributes:
        metrics: what it reports.
    """

    metrics: tuple[Metric, ...]

    def sums(self, outputs: Tensor, batch: Batch) -> Sums:
        """What a batch adds, detached: tensors of the same shapes for every batch. `outputs` are the model's, in full
        precision, or what the task makes of them (`predictions`)."""

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """{NAME: value} from the sums, tensors on the host."""

    def collector(self) -> "Collector":
        """A new one for a pass over a split."""


class Collector(Protocol):
    """What takes the examples of a split; it survives pickling, and several are merged."""

    def take(self, outputs: Tensor, batch: Batch) -> None: ...

    def merge(self, other: "Collector") -> None: ...

    def compute(self) -> dict[str, float]: ...


class _Recorder:
    """A model that remembers what it gave last."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.outputs: Any = None

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.outputs = self._model(*given, **named)
        return self.outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


class _Measured:
    """Whatever is not here is the task's own."""

    def __init__(self, task: Task, extras: Mapping[str, Extra], metrics: tuple[Metric, ...]) -> None:
        self._task, self.metrics = task, metrics
        self._summed = {name: extra for name, extra in extras.items() if hasattr(extra, "sums")}
        self._collected = {name: extra for name, extra in extras.items() if hasattr(extra, "collector")}
        if self._collected:  # the loop asks a task for what it has
            self.meter = self._meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_task"], name)

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        if model.training or not self._summed:  # a training reports the task's own alone
            return self._task.step(model, batch)
        recorder = _Recorder(model)
        loss, sums = self._task.step(recorder, batch)
        outputs = read(self._task, recorder.outputs)
        for name, extra in self._summed.items():
            sums |= {f"{name}:{key}": value for key, value in extra.sums(outputs, batch).items()}
        return loss, sums

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        found = self._task.report(sums)
        for name, extra in self._summed.items():
            own = {key.removeprefix(f"{name}:"): value for key, value in sums.items() if key.startswith(f"{name}:")}
            if own:
                found |= extra.report(own | {"examples": sums["examples"]})
        return found

    def _meter(self) -> Meter:
        own = self._task.meter() if hasattr(self._task, "meter") else None
        return _Meters(own, {name: extra.collector() for name, extra in self._collected.items()}, self._task)


class _Meters:
    """The task's own meter and the collectors."""

    def __init__(self, own: Meter | None, collectors: Mapping[str, Collector], task: Task) -> None:
        self.own, self.collectors = own, collectors
        self._task: Task | None = task

    def update(self, model: nn.Module, batch: Batch) -> None:
        if self.own is not None:
            self.own.update(model, batch)
        recorder = _Recorder(model)
        self._task.step(recorder, batch)
        outputs = read(self._task, recorder.outputs)
        for collector in self.collectors.values():
            collector.take(outputs, batch)

    def merge(self, other: "_Meters") -> None:
        if self.own is not None:
            self.own.merge(other.own)
        for name, collector in self.collectors.items():
            collector.merge(other.collectors[name])

    def compute(self) -> dict[str, float]:
        found = self.own.compute() if self.own is not None else {}
        for collector in self.collectors.values():
            found |= collector.compute()
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_task": None}  # what was taken is all that another process needs


def read(task: Task, outputs: Any) -> Tensor:
    """A model's outputs as a metric reads them: logits without a state, in full precision, in the targets' unit."""
    outputs = full_precision(outputs[0] if isinstance(outputs, tuple) else outputs).detach()
    predictions = getattr(task, "predictions", None)
    return outputs if predictions is None else predictions(outputs)


def measured(task: Task, extras: Mapping[str, Extra], monitor: str | None) -> Task:
    """The task with further metrics.

    Args:
        extras: by the name of each.
        monitor: validation/NAME of the metric that chooses the weights; None for the task's first.

    Raises:
        UserError: no such metric, or two of the same name.
    """
    if not extras and monitor is None:
        return task
    metrics = [*task.metrics, *(metric for extra in extras.values() for metric in extra.metrics)]
    names = [metric.name for metric in metrics]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"metric: there are two that are reported as {twice}; give yours another key, metric.NAME")
    if monitor is not None:
        known = [f"{SPLIT}{name}" for name in names]
        if monitor not in known:
            raise UserError(f"trainer.monitor={monitor}: no metric of the validation split here{hint(monitor, known)}")
        metrics.sort(key=lambda metric: metric.name != monitor.removeprefix(SPLIT))
    return _Measured(task, extras, tuple(metrics))
