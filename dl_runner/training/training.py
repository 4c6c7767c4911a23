"""What a run trains, and how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dl_runner.config.durations import Horizon
from dl_runner.data.batches import Batches
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.optim.schedules import Schedule
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.strategies import Strategy
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.regularize.penalties import Penalty
from dl_runner.runtime.cuda_graph import CudaGraphStep
from dl_runner.runtime.device import Autocast
from dl_runner.runtime.seeding import rng_state, set_rng_state
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.rhythm import Rhythm
from dl_runner.training.sums import Means

Prune = Callable[[int, Mapping[str, float]], bool]


@dataclass
class Training:
    """Everything the loop needs, and its position; `state_dict` is what an exact continuation needs.

    With several processes each of them has one of these, and goes through the same steps.
    """

    model: nn.Module
    parallel: Strategy  # of `model`
    task: Task
    optimizer: Optimizer
    schedule: Schedule
    batches: Batches
    evaluations: Mapping[str, Batches]
    horizon: Horizon
    rhythm: Rhythm
    stopping: EarlyStopping
    device: torch.device
    autocast: Autocast
    tracker: Tracker
    checkpoints: Checkpoints | None  # None where nothing is to be written, as in all processes but the first
    spec: DataSpec
    data_fingerprint: str
    config: Mapping[str, Any]
    penalty: Penalty | None = None  # added to the loss of the step, not to the one that is reported
    watch: Callable[[nn.Module], Mapping[str, float]] | None = None  # more train/NAME for each report
    cuda_graph: CudaGraphStep | None = None  # the passes of a step as one launch
    prune: Prune | None = None  # told an evaluation's number, >= 1, and metrics: whether the run is not worth going on
    pruned: bool = False
    step: int = 0
    seconds: float = 0.0  # of training since the last evaluation, evaluations and checkpoints left out
    metrics: dict[str, float] = field(default_factory=dict)  # the newest of each name
    best_metrics: dict[str, float] = field(default_factory=dict)  # those of the best evaluation

    def __post_init__(self) -> None:
        self.means = Means(self.task)
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]

    @property
    def epoch(self) -> float:
        return self.step / self.horizon.steps_per_epoch

    @property
    def process_group(self) -> ProcessGroup:
        return self.parallel.process_group

    def state_dict(self) -> dict[str, Any]:
        """The state of all processes together, which one process or any number may go on with.

        Plain containers and tensors only, so that it loads with `weights_only`. All processes have to ask.
        """
        rng, *others = self.process_group.gather(rng_state())
        return {
            "model": self.parallel.whole().state_dict(),
            "optimizer": self.parallel.optimizer_state(self.optimizer),
            "means": self.means.over(self.process_group).state_dict(),
            "stopping": self.stopping.state_dict(),
            "schedule": self.schedule.state_dict() if isinstance(self.schedule, MetricSchedule) else {},
            "rng": rng,
            "rng_of_others": others,
            "step": self.step,
            "data": self.data_fingerprint,
            "seconds": self.seconds,
            "metrics": dict(self.metrics),
            "best_metrics": dict(self.best_metrics),
            "config": dict(self.config),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. Call last before training: it sets the global random generators."""
        rank = self.process_group.rank
        self.parallel.load(state["model"])
        self.parallel.load_optimizer(self.optimizer, state["optimizer"])
        if rank == 0:
            self.means.load_state_dict(state["means"], self.device)
        self.stopping.load_state_dict(state["stopping"])
        if isinstance(self.schedule, MetricSchedule):
            self.schedule.load_state_dict(state["schedule"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.metrics, self.best_metrics = dict(state["metrics"]), dict(state["best_metrics"])
        states = [state["rng"], *state.get("rng_of_others", [])]
        if rank < len(states):  # else there were fewer processes, and this one keeps its own beginning
            set_rng_state(states[rank])
