"""What the processes of a run tell each other beside gradients."""

import time
from datetime import timedelta
from typing import Any

import torch
from torch import distributed as dist
from torch import nn

from dl_runner.runtime.interrupt import StopRequest

AGREE_EVERY = 0.1  # seconds
COLLECTIVE = timedelta(minutes=30)  # the first process may write a large checkpoint meanwhile


class ProcessGroup:
    """One process alone.

    Attributes:
        rank: this process's number, 0 to size - 1; the first one writes the files.
        size: how many processes share each batch.
        local_rank: this process's number on its machine, and that of its GPU.
    """

    rank = 0
    size = 1
    local_rank = 0

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, in the order of their ranks. A collective call: every process makes it."""
        return [value]

    def agree(self, request: StopRequest, due: bool) -> tuple[bool, bool]:
        """Whether any process was asked to stop, and whether one finds a checkpoint due: the same answer for all of
        them at the same step. A collective call, after each step."""
        return bool(request), due

    def same_buffers(self, model: nn.Module) -> None:
        """Give all processes the first one's buffers, such as the running means of batch normalization."""


class DistributedGroup(ProcessGroup):
    """The processes of a process group.

    Args:
        rank, size, local_rank: as for `ProcessGroup`.
        control: a group over gloo for small messages, so that none of them waits for a GPU.
    """

    def __init__(self, rank: int, size: int, local_rank: int, control: dist.ProcessGroup) -> None:
        self.rank, self.size, self.local_rank, self._control = rank, size, local_rank, control
        self._steps, self._until_next, self._asked_at = 0, 1, time.perf_counter()

    def gather(self, value: Any) -> list[Any]:
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self._control)
        return found

    def agree(self, request: StopRequest, due: bool) -> tuple[bool, bool]:
        """As `ProcessGroup.agree`; asks the others once in a tenth of a second or so, however short the steps are."""
        self._steps += 1
        if self._steps < self._until_next:
            return False, False
        now = time.perf_counter()
        pace = (now - self._asked_at) / self._steps
        # Clocks differ, and all processes must ask at the same steps: so they agree on when to ask next as well.
        asked = request.signal_number if request else 0
        words = torch.tensor([asked, int(due), -max(1, min(10_000, int(AGREE_EVERY / max(pace, 1e-6))))])
        dist.all_reduce(words, dist.ReduceOp.MAX, group=self._control)
        self._steps, self._until_next, self._asked_at = 0, -int(words[2]), now
        request.signal_number = int(words[0]) or None
        return bool(words[0]), bool(words[1])

    def same_buffers(self, model: nn.Module) -> None:
        with torch.no_grad():
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)
