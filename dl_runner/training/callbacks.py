"""Callbacks: what a run shows them, and how the loop calls them. See `dl_runner.training.hooks` for their form."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dl_runner.config.durations import Horizon
from dl_runner.data.loader import Loader
from dl_runner.errors import Pruned, RunFailed
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Status, Tracker
from dl_runner.training.checkpoint import Checkpoints, Origin
from dl_runner.training.evaluation import evaluating
from dl_runner.training.hooks import Hooks
from dl_runner.training.training import Training

_log = logging.getLogger("dl_runner")
Loaders = Callable[[str], Loader | None]


class Run:
    """What a callback sees of a run.

    Args:
        training: the run.
        loaders: makes the batches of a whole split, "train" or "validation", in its order and unaugmented; None
            without the split.
        name: of the callback.
        everywhere: whether it is called in every process.
    """

    def __init__(self, training: Training, loaders: Loaders, name: str, everywhere: bool) -> None:
        self._training, self._loaders, self._name, self._everywhere = training, loaders, name, everywhere

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self._training.step

    @property
    def epoch(self) -> float:
        """The same in epochs."""
        return self._training.epoch

    @property
    def horizon(self) -> Horizon:
        """How long the run is: `steps` and `steps_per_epoch`."""
        return self._training.horizon

    @property
    def metrics(self) -> dict[str, float]:
        """The newest of each name, SPLIT/NAME; of the main process."""
        return dict(self._training.metrics)

    @property
    def task(self) -> Task:
        return self._training.task

    @property
    def spec(self) -> DataSpec:
        """Of the data."""
        return self._training.spec

    @property
    def tracker(self) -> Tracker:
        """Takes pictures, texts and numbers; in other processes than the main one, it does nothing."""
        return self._training.tracker

    @property
    def folder(self) -> Path | None:
        """The run folder; None in other processes than the main one, which alone writes files."""
        return self._training.folder

    @property
    def checkpoints(self) -> Checkpoints | None:
        """The checkpoint files; None in other processes than the main one."""
        return self._training.checkpoints

    @property
    def origin(self) -> Origin:
        """Of the weights as they are now, for `checkpoints.save_weights`."""
        return self._training.origin

    @property
    def main(self) -> bool:
        """Whether this is the main process, which alone writes files."""
        return self._training.process_group.rank == 0

    @property
    def lockstep(self) -> bool:
        """Whether each process has only a part of each weight, so that a pass needs all of them (parallel=fsdp)."""
        return self._training.update.strategy.lockstep

    @property
    def model(self) -> nn.Module:
        """This process's model. With `lockstep` nobody calls it alone."""
        return self._training.model

    def whole_model(self) -> nn.Module:
        """The model with all its weights, in the main process; what others get may lack weights. A collective call:
        with several processes it is for callbacks that are called `everywhere`.

        Raises:
            RunFailed: this one is not, and would wait for the others for ever.
        """
        if not self._everywhere and self._training.process_group.size > 1:
            raise RunFailed(
                f"callback.{self._name}: whole_model() needs every process; give the callback everywhere = True"
            )
        return self._training.update.strategy.full_model()

    def batches(self, split: str) -> Loader | None:
        """The batches of the whole "train" or "validation" split, in its order and unaugmented; None without it."""
        if split not in ("train", "validation"):
            raise ValueError(f"{split!r}: the splits of a training are train and validation")
        return self._loaders(split)

    def sums(self, split: str) -> dict[str, Any] | None:
        """The task's sums of the last evaluation of a split, over all processes and on the host; None without it."""
        found = self._training.evaluator.sums.get(split)
        return None if found is None else found.on_host()

    def evaluating(self, model: nn.Module) -> AbstractContextManager[None]:
        """Within it the model is in evaluation mode, in the run's precision and without gradients."""
        return evaluating(model, self._training.update.autocast)

    def stop(self, reason: str) -> None:
        """End the run after this step, as completed: it is evaluated, saved and tested."""
        self._training.progress.stopped = self._training.progress.stopped or reason


class Callbacks(Hooks):
    """The callbacks of a run, in the order of the config.

    Args:
        callbacks: by name.
        training: the run, told to its end.
        loaders: as for `Run`.
    """

    def __init__(self, callbacks: Mapping[str, Any], training: Training, loaders: Loaders) -> None:
        self._training, main = training, training.process_group.rank == 0
        called = {name: one for name, one in callbacks.items() if main or getattr(one, "everywhere", False)}
        self._called = [
            (one, Run(training, loaders, name, getattr(one, "everywhere", False))) for name, one in called.items()
        ]
        self._started = False
        self._steps = any(hasattr(one, "after_step") for one in callbacks.values())
        for name, one in callbacks.items():
            if hasattr(one, "state_dict"):
                training.state[f"callback.{name}"] = CallbackState(one, name, active=name in called)

    def check(self) -> None:
        self._call("check")

    def start(self) -> None:
        self._started = True
        self._call("start")
        self._agree()

    def after_step(self) -> bool:
        if not self._steps:  # then no process waits for the others
            return False
        self._call("after_step")
        return self._agree()

    def after_evaluation(self, metrics: Mapping[str, float]) -> dict[str, float]:
        added: dict[str, float] = {}
        for found in self._call("after_evaluation", dict(metrics)):
            added |= found or {}
        self._agree()
        return added

    @contextmanager
    def ending(self) -> Iterator[None]:
        status: Status = "failed"
        try:
            yield
            status = "completed"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        except Pruned:
            status = "pruned"
            raise
        finally:
            self._end(status)

    def _end(self, status: Status) -> None:
        for one, run in self._called if self._started else ():
            try:
                if hasattr(one, "end"):
                    one.end(run, status)
            except Exception:
                if status == "completed":
                    raise
                _log.exception("callback.%s: end failed", run._name)  # what went wrong before is what counts

    def _call(self, hook: str, *arguments: Any) -> list[Any]:
        return [getattr(one, hook)(run, *arguments) for one, run in self._called if hasattr(one, hook)]

    def _agree(self) -> bool:
        """Whether any process has asked to stop."""
        progress, group = self._training.progress, self._training.process_group
        progress.stopped = next((one for one in group.gather(progress.stopped) if one is not None), None)
        return progress.stopped is not None


class CallbackState:
    """A callback's state: the main process's, which every process loads whose callback is called.

    Args:
        active: whether the callback is called in this process.
    """

    def __init__(self, callback: Any, name: str, active: bool) -> None:
        self._callback, self._name, self._active = callback, name, active

    def state_dict(self) -> dict[str, Any]:
        state = self._callback.state_dict() if self._active else {}
        if (strange := _not_plain(state)) is not None:
            raise RunFailed(
                f"callback.{self._name}: its state holds a {strange}; a checkpoint takes numbers, texts, lists, dicts "
                "and tensors"
            )
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self._active:
            self._callback.load_state_dict(state)


def _not_plain(value: Any) -> str | None:
    """The type of what cannot be loaded again without running code; None if all can."""
    if type(value) is dict:
        parts = [*value.keys(), *value.values()]
    elif type(value) in (list, tuple, set):
        parts = list(value)
    else:
        return None if value is None or type(value) in (bool, int, float, str, bytes, Tensor) else type(value).__name__
    return next((found for found in map(_not_plain, parts) if found is not None), None)
