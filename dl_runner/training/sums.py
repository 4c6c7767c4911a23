"""Metric sums that stay on the device until somebody reads them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dl_runner.errors import RunFailed
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.tasks.task import Sums, Task


class MetricSums:
    """Running sums of a task's metrics over the batches since the last reset.

    `add` only enqueues device work; `read` and `require_finite` synchronize.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.reset()

    def reset(self) -> None:
        self.sums: Sums = {}
        self.counts: dict[str, int] = {}
        self._unread: list[tuple[int, Tensor | float]] = []

    @property
    def examples(self) -> int:
        return self.counts.get("examples", 0)

    def add(self, sums: Sums, counts: Mapping[str, int], step: int = 0) -> None:
        """Add the sums over a batch with these counts, which belong to step number `step`."""
        if not sums:
            return
        if self.sums:
            for name, value in sums.items():
                self.sums[name] += value
        else:
            self.sums = {name: value.clone() for name, value in sums.items()}
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        loss = sums["loss"]
        # A processor's number costs nothing to read. Tensors that are kept would lie between the large blocks of the
        # steps and keep that memory from being used again, 16 MB a step for the logits of 400 words out of 10,000.
        self._unread.append((step, loss.item() if loss.device.type == "cpu" else loss))

    def read(self) -> dict[str, float]:
        """The metrics, `{NAME: value}`; empty before the first `add`."""
        return self.task.report(self.on_host()) if self.examples else {}

    def on_host(self) -> dict[str, Any]:
        """Sums and counts by name, as the task's `report` takes them."""
        return {name: value.cpu() for name, value in self.sums.items()} | self.counts

    def over(self, process_group: ProcessGroup) -> "MetricSums":
        """These over what all processes of the group have added. A collective call: every process makes it."""
        if process_group.size == 1:
            return self
        together = MetricSums(self.task)
        own = {name: value.cpu() for name, value in self.sums.items()}, self.counts
        for sums, counts in process_group.gather(own):
            together.add(sums, counts)  # in the order of their ranks: to the last bit the same sums everywhere
        together._unread.clear()
        return together

    def require_finite(self, process_group: ProcessGroup) -> None:
        """Check every loss that was added since the last check, in every process. A collective call: every process
        makes it.

        Raises:
            Diverged: one is NaN or infinite.
        """
        unread, self._unread = self._unread, []
        found = None
        steps, losses = [step for step, _ in unread], [loss for _, loss in unread]
        if losses and isinstance(losses[0], Tensor):
            losses = torch.stack(losses).tolist()
        bad = next((place for place, loss in enumerate(losses) if not math.isfinite(loss)), None)
        if bad is not None:
            found = steps[bad], "NaN" if math.isnan(losses[bad]) else "infinite"
        if everywhere := [one for one in process_group.gather(found) if one]:
            raise Diverged(*min(everywhere))

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.counts = dict(state["counts"])


class Diverged(RunFailed):
    """The loss left the finite numbers.

    Args:
        step: the first step (from 1) whose loss is not finite.
        what: "NaN" or "infinite".
    """

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"the loss is {what} at step {step}")
        self.step = step
