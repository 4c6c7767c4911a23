"""What an exact continuation needs: a dict of objects with state_dict and load_state_dict, by name.

The loop saves what is in the dict and knows no names. A state is made of plain containers and tensors, so that it
loads with `weights_only`. Where several processes train, all of them ask for each state, which is that of all
together: one process or any number may go on with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.strategies import Strategy
from dl_runner.runtime.seeding import rng_state, set_rng_state
from dl_runner.training.sums import MetricSums


class Stateful(Protocol):
    """An object with a state."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state_dict`."""


@dataclass
class Progress:
    """How far a run is.

    Args:
        step: optimizer steps done.
        seconds: of training since the last evaluation, evaluations and checkpoints left out.
        metrics: the newest of each name, SPLIT/NAME.
        best_metrics: those of the best evaluation.
        unevaluated: the training metrics of the last step, where its evaluation was stopped: a run that goes on begins
            with it.
        stopped: why a callback has ended the run early; None if none has.
        fitted: whether a model that is fitted has been; see `dl_runner.training.loop`.
    """

    step: int = 0
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    best_metrics: dict[str, float] = field(default_factory=dict)
    unevaluated: dict[str, float] | None = None
    fitted: bool = False
    stopped: str | None = None

    def state_dict(self) -> dict[str, Any]:
        metrics = {"metrics": dict(self.metrics), "best_metrics": dict(self.best_metrics)}
        position = {"step": self.step, "seconds": self.seconds, "fitted": self.fitted, "stopped": self.stopped}
        return {**position, "unevaluated": self.unevaluated, **metrics}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.seconds = state["step"], state["seconds"]
        self.unevaluated, self.fitted = state.get("unevaluated"), state.get("fitted", False)
        self.stopped = state.get("stopped")
        self.metrics, self.best_metrics = dict(state["metrics"]), dict(state["best_metrics"])


class ModelState:
    """The whole model, of whose weights a process may hold but a part."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    def state_dict(self) -> dict[str, Any]:
        return self._strategy.full_model().state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._strategy.load(state)


class OptimizerState:
    """The optimizer's state as a run in one process would save it."""

    def __init__(self, strategy: Strategy, optimizer: Optimizer) -> None:
        self._strategy, self._optimizer = strategy, optimizer

    def state_dict(self) -> dict[str, Any]:
        return self._strategy.optimizer_state(self._optimizer)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._strategy.load_optimizer(self._optimizer, dict(state))


class SumsState:
    """The metric sums of all processes; the first one goes on with them."""

    def __init__(self, sums: MetricSums, process_group: ProcessGroup, device: torch.device) -> None:
        self._sums, self._group, self._device = sums, process_group, device

    def state_dict(self) -> dict[str, Any]:
        return self._sums.over(self._group).state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self._group.rank == 0:
            self._sums.load_state_dict(dict(state), self._device)


class RandomState:
    """torch's global generators in each process. Load it last: whatever draws from them in between would move them."""

    def __init__(self, process_group: ProcessGroup) -> None:
        self._group = process_group

    def state_dict(self) -> dict[str, Any]:
        return {"processes": self._group.gather(rng_state())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        states = state["processes"]
        if self._group.rank < len(states):  # else there were fewer processes, and this one keeps its own beginning
            set_rng_state(states[self._group.rank])


class TaskState:
    """What a task keeps of each place of a batch, such as a hidden state that is carried on: of the whole batch, of
    which every process has its part."""

    def __init__(self, task: Any, process_group: ProcessGroup, device: torch.device) -> None:
        self._task, self._group, self._device = task, process_group, device

    def state_dict(self) -> dict[str, Any]:
        own = {name: None if one is None else one.cpu() for name, one in self._task.state_dict().items()}
        states = self._group.gather(own)
        return {name: _joined([state[name] for state in states]) for name in states[0]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rank, size = self._group.rank, self._group.size
        self._task.load_state_dict(
            {
                name: None if one is None else one.tensor_split(size)[rank].to(self._device)
                for name, one in state.items()
            }
        )


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None
