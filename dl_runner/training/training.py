"""What the loop runs: the parts of a run and the state that they share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from dl_runner.config.durations import Horizon
from dl_runner.data.loader import Loader
from dl_runner.optim.schedules import Schedule
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.checkpoint import Checkpoints, Origin
from dl_runner.training.evaluation import Evaluator
from dl_runner.training.hooks import Hooks
from dl_runner.training.intervals import Intervals
from dl_runner.training.state import Progress, Stateful
from dl_runner.training.sums import MetricSums
from dl_runner.training.update import Update

Prune = Callable[[int, Mapping[str, float]], bool]
Watch = Callable[[nn.Module], Mapping[str, float]]


@dataclass
class Training:
    """A run in one process. With several, each of them has one of these and goes through the same steps.

    Args:
        update: makes a step.
        loader: the training batches.
        evaluator: measures the other splits.
        stopping: the best evaluation so far.
        state: what a checkpoint holds, in the order of loading; its "progress" is `progress`.
        identity: what else a checkpoint says, for whoever reads it: the run's id and config.
        spec: of the data, which goes with the weights.
        measured: told the step of a checkpoint: what the checkpoint says of the metrics that are on record by then.
        fitting: the batches that a model with a method `fit` is given before the first step; None for any other.
        checkpoints: None where nothing is to be written, as in all processes but the first.
        folder: the run folder; None as for `checkpoints`.
        callbacks: what acts beside the steps.
        watch: measures more of the model at each report, {NAME: value} for train/NAME.
        prune: told the number, >= 1, and the metrics of an evaluation: whether the run is not worth going on.
    """

    update: Update
    loader: Loader
    evaluator: Evaluator
    horizon: Horizon
    intervals: Intervals
    stopping: EarlyStopping
    sums: MetricSums
    progress: Progress
    state: dict[str, Stateful]
    identity: Mapping[str, Any]
    spec: DataSpec
    fitting: Loader | None = None
    tracker: Tracker = field(default_factory=Tracker)
    measured: Callable[[int], Mapping[str, Any] | None] | None = None
    checkpoints: Checkpoints | None = None
    folder: Path | None = None
    callbacks: Hooks = field(default_factory=Hooks)
    watch: Watch | None = None
    prune: Prune | None = None
    pruned: bool = False

    @property
    def model(self) -> nn.Module:
        return self.update.model

    @property
    def task(self) -> Task:
        return self.update.task

    @property
    def schedule(self) -> Schedule:
        return self.update.schedule

    @property
    def process_group(self) -> ProcessGroup:
        return self.update.strategy.process_group

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def origin(self) -> Origin:
        """Of the weights as they are now."""
        return Origin(self.identity.get("run"), self.step)

    @property
    def metrics(self) -> dict[str, float]:
        return self.progress.metrics

    @property
    def epoch(self) -> float:
        return self.step / self.horizon.steps_per_epoch

    def state_dict(self) -> dict[str, Any]:
        """The state of all processes together. A collective call: every process makes it."""
        return {name: one.state_dict() for name, one in self.state.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. Call last before training: it sets the global random generators."""
        for name, one in self.state.items():
            one.load_state_dict(state[name])
