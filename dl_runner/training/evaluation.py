"""Metrics of a model on a split."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from dl_runner.data.batch import Batch, blank, call
from dl_runner.data.loader import Loader
from dl_runner.errors import Interrupted
from dl_runner.parallel.strategies import Strategy
from dl_runner.runtime.device import Autocast
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.runtime.progress import tracked
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Meter, Task
from dl_runner.training.sums import MetricSums


@contextmanager
def evaluating(model: nn.Module, autocast: Autocast, *, gradients_known: bool = False) -> Iterator[None]:
    """Evaluation mode without gradients; the model's training flags are left as they were.

    Args:
        gradients_known: whether layers are put together for each pass, which cannot be made of inference tensors.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad() if gradients_known else torch.inference_mode(), autocast():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def evaluate(
    model: nn.Module,
    task: Task,
    loader: Loader,
    autocast: Autocast,
    spec: DataSpec,
    *,
    strategy: Strategy | None = None,
    request: StopRequest | None = None,
) -> MetricSums:
    """The task's sums over a split.

    Args:
        strategy: of the processes that measure together, each its parts of the batches; None for this one alone.
        request: looked at between two batches; with a strategy, all processes stop after the same one.

    Raises:
        Interrupted: a stop was requested.
    """
    sums = MetricSums(task)
    lockstep = strategy is not None and strategy.lockstep
    with evaluating(model, autocast, gradients_known=lockstep):
        for batch in tracked(loader.epoch(), "evaluating batches", len(loader)):
            if len(batch):
                _, added = task.step(model, batch)
                sums.add(added, batch.counts)
            elif lockstep:
                call(model, blank(spec, 1, loader.device).inputs)
            if _asked(request, strategy):
                raise Interrupted("stopped during an evaluation", request.signal_number)
    return sums.over(strategy.process_group) if strategy else sums


def _asked(request: StopRequest | None, strategy: Strategy | None) -> bool:
    if request is None or strategy is None:
        return bool(request)
    return strategy.process_group.agree(request, False)[0]


def measure(
    model: nn.Module,
    meter: Meter,
    loader: Loader,
    autocast: Autocast,
    *,
    strategy: Strategy | None = None,
    request: StopRequest | None = None,
) -> dict[str, float]:
    """A meter's metrics of a split; arguments as for `evaluate`, `model` is a whole one.

    Raises:
        Interrupted: a stop was requested.
    """
    with evaluating(model, autocast):
        for batch in tracked(loader.epoch(), "measuring batches", len(loader)):
            if len(batch):
                meter.update(model, batch)
            if _asked(request, strategy):
                raise Interrupted("stopped during an evaluation", request.signal_number)
    if strategy is None:
        return meter.compute()
    first, *others = strategy.process_group.gather(meter)
    for other in others:
        first.merge(other)
    return first.compute()


class Evaluator:
    """Measures splits during a training.

    Args:
        loaders: of each split, this process's share.
        whole_loaders: where a pass through the model needs all processes, the first one measures meters alone, on
            these.

    Attributes:
        sums: of the last evaluation, by split, over all processes.
    """

    def __init__(
        self,
        strategy: Strategy,
        task: Task,
        loaders: Mapping[str, Loader],
        autocast: Autocast,
        spec: DataSpec,
        *,
        whole_loaders: Mapping[str, Loader] | None = None,
    ) -> None:
        self.loaders = loaders
        self._strategy, self._task, self._autocast, self._spec = strategy, task, autocast, spec
        self._whole_loaders = whole_loaders or {}
        self.sums: dict[str, MetricSums] = {}

    def evaluate(self, request: StopRequest | None = None) -> dict[str, float]:
        """The task's metrics of every split, SPLIT/NAME. A collective call: every process makes it.

        Raises:
            Interrupted: in every process, where one has a request to stop.
        """
        model, found = self._strategy.model, {}
        self._strategy.process_group.same_buffers(model)
        for split, loader in self.loaders.items():
            sums = evaluate(
                model,
                self._task,
                loader,
                self._autocast,
                self._spec,
                strategy=self._strategy,
                request=request,
            )
            self.sums[split] = sums
            found |= {f"{split}/{name}": value for name, value in sums.read().items()}
        return found

    def measure(self, request: StopRequest | None = None) -> dict[str, float]:
        """The metrics of every split that are no sums; {} for a task without a meter. A collective call: every
        process makes it.

        Raises:
            Interrupted: as for `evaluate`; not where the first process measures alone.
        """
        if not hasattr(self._task, "meter"):
            return {}
        model, lockstep, found = self._strategy.full_model(), self._strategy.lockstep, {}
        for split, shared in self.loaders.items():
            values: Mapping[str, float] = {}
            if not lockstep:
                meter, strategy = self._task.meter(), self._strategy
                values = measure(model, meter, shared, self._autocast, strategy=strategy, request=request)
            elif self._strategy.process_group.rank == 0:
                values = measure(model, self._task.meter(), self._whole_loaders[split], self._autocast)
            values = self._strategy.process_group.gather(values)[0]
            found |= {f"{split}/{name}": value for name, value in values.items()}
        return found

    def sample(self) -> Batch | None:
        """The first batch of the first split, for what the task shows; None without splits."""
        return next((next(iter(loader.epoch())) for loader in self.loaders.values()), None)
